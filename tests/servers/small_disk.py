"""A disk of its own that a test can fill to the last byte: a file system in memory."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

_BALLAST = "ballast"


class NoSmallDisk(Exception):  # noqa: N818 - it says what there is not
    """This machine lets us mount nothing."""


class SmallDisk:
    """Mounted from the constructor until `close`."""

    def __init__(self, size_mib: int) -> None:
        """Mount it. Raises NoSmallDisk, which says why."""
        self.folder = Path(tempfile.mkdtemp(prefix="qserver-disk-"))
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=755", "qserver-test", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self.folder.rmdir()
            raise NoSmallDisk(f"no disk of its own could be mounted: {done.stderr.strip()}")

    def fill(self) -> None:
        """Leave no byte free. What others free meanwhile is theirs."""
        step = 1024 * 1024
        with (self.folder / _BALLAST).open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(bytes(step)):
                pass

    def free(self) -> None:
        """Give back what `fill` took."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Tell how much fits on it."""
        look = os.statvfs(self.folder)
        return look.f_bavail * look.f_frsize

    def close(self) -> None:
        """Unmount it, with all that is on it. Safe to repeat."""
        if self.folder.exists():
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True)
            self.folder.rmdir()
