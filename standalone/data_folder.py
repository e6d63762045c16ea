"""The folder that holds a standalone server's database and plugins; one process tree at a time owns it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from qserver.errors import Conflict, SettingsError


@contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Own the folder, made with mode 700 if it isn't there, until the block ends.

    The lock is the kernel's (flock): it is gone with the process, however that ends. Raises Conflict where another
    process has it, SettingsError where no folder can be made or written there.
    """
    lock = FileLock(folder / "owner.lock")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise Conflict(
            f"the data folder {folder} is in use by another QServer; stop it, or serve elsewhere: "
            "make up GRPC_PORT=50052 HTTP_PORT=8081 DATA=some/folder"
        ) from None
    except OSError as error:
        raise SettingsError(f"can't use the data folder {folder}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        lock.release()
