"""Where the environments of file plugins lie on disk: the words of the workers that build and the janitor that sweeps.

    <plugin folder>/worker-0/lock                  locked by the worker that owns the slot, for as long as it lives
    <plugin folder>/worker-0/aer-plugin-0.0.2/     an environment, ready once environment.json is in it
    <plugin folder>/worker-0/.trash-<random>/      on its way out

A worker takes the first free slot, so that after a restart it finds the environments that it built, whatever its name
or process id is by then. The lock is the kernel's (flock): it ends with its holder, however that ends.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Self

from qserver.plugins import FilePluginPin

MARKER_NAME = "environment.json"
_SLOT_PREFIX = "worker-"
_TRASH_PREFIX = ".trash-"


def environment_name(pin: FilePluginPin) -> str:
    """Name the folder of one plugin's environment."""
    return f"{pin.name}-{pin.version}"


class Slot:
    """One worker's part of the plugin folder, held until `close` or the end of the process."""

    def __init__(self, folder: Path, lock: int) -> None:
        """Wrap a locked slot; `acquire` and `free` make them."""
        self.folder = folder
        self._lock = lock

    @classmethod
    def acquire(cls, plugin_folder: Path) -> Self:
        """Take the first slot that nobody holds, making it where needed."""
        root = plugin_folder.expanduser()
        slots = (cls._try(root / f"{_SLOT_PREFIX}{number}") for number in count())
        return next(slot for slot in slots if slot is not None)

    @classmethod
    def free(cls, plugin_folder: Path) -> Iterator[Self]:
        """Hold, one after the other, the existing slots that no live worker holds."""
        for folder in sorted(plugin_folder.expanduser().glob(f"{_SLOT_PREFIX}*")):
            slot = cls._try(folder)
            if slot is not None:
                with slot:
                    yield slot

    @classmethod
    def _try(cls, folder: Path) -> Self | None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return cls(folder, lock)

    def environments(self) -> Sequence[Path]:
        """List the folders of environments, half-built ones too; none where somebody has deleted the slot itself."""
        folders = (path for path in self.folder.glob("*") if path.is_dir() and not path.is_symlink())
        return sorted(path for path in folders if not path.name.startswith(_TRASH_PREFIX))

    def discard(self, environment: Path) -> None:
        """Put an environment out of use at once; `empty_trash` frees the disk."""
        environment.rename(self.folder / f"{_TRASH_PREFIX}{secrets.token_hex(8)}")

    def empty_trash(self) -> None:
        """Delete what was discarded, now or by an earlier process. Safe to repeat and to run beside another."""
        for path in self.folder.glob(f"{_TRASH_PREFIX}*"):
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Let another worker have the slot. Safe to repeat."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        """Hold on."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go."""
        self.close()
