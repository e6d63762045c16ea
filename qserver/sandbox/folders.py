"""Folders in which others wrote whatever they liked, and that are gone after whoever made them was killed."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

_PREFIX = "qserver-sandbox-"


class HeldFolder:
    """A new private folder that is its maker's for as long as the maker lives.

    An exclusive BSD lock on the folder says that somebody lives: the kernel lets go of it whatever ends the process,
    and systemd-tmpfiles passes over locked folders. `remove_abandoned` removes what others who were killed left.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over a folder and the descriptor that holds its lock."""
        self.path = path
        self._descriptor = descriptor
        self._is_held = True

    @classmethod
    def make(cls) -> Self:
        """Make one in the folder for temporary files."""
        while True:
            path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            # Somebody may take it for abandoned in the moment before it is locked.
            with contextlib.suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if path.exists():
                    return cls(path, descriptor)
                os.close(descriptor)

    def remove(self) -> None:
        """Remove the folder and let go of it. A second time does nothing."""
        if not self._is_held:
            return
        self._is_held = False
        remove_folder(self.path)
        os.close(self._descriptor)


def remove_abandoned() -> None:
    """Remove the held folders whose makers are dead, among them those of a machine that lost its power."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # its maker just removed it, or it is another user's
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # its maker lives
        else:
            remove_folder(path)
        finally:
            os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it, following no link. What can't be removed stays; nothing is raised."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # folders in folders, deeper than Python's stack
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)  # noqa: S603, S607 - PATH is the service's own
