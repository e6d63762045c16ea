"""The folder that holds a standalone server's database and plugins; one process tree at a time owns it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from qserver.errors import Conflict, SettingsError

DATABASE_FILE = "qserver.db"
_PRIVATE_MODE = 0o600
_LOCK_FILE = "owner.lock"
_PRIVATE_FILES = (_LOCK_FILE, *(DATABASE_FILE + ending for ending in ("", "-wal", "-shm", "-journal")))


@contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Own the folder, made with mode 700 if it isn't there, until the block ends.

    A folder that is there keeps its mode: others may look into it, but not into the database, nor take the lock.

    The lock is the kernel's (flock): it is gone with the process, however that ends. Raises Conflict where another
    process has it, SettingsError where no folder can be made or written there.
    """
    lock = FileLock(folder / _LOCK_FILE, mode=_PRIVATE_MODE)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        _close_to_others(folder)
    except Timeout:
        raise Conflict(
            f"the data folder {folder} is in use by another QServer; stop it, or serve elsewhere: "
            "make up GRPC_PORT=50052 HTTP_PORT=8081 DATA=some/folder"
        ) from None
    except OSError as error:
        lock.release()
        raise SettingsError(f"can't use the data folder {folder}: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        lock.release()


def _close_to_others(folder: Path) -> None:
    """Make the database's file, for SQLite gives those beside it the same mode, and mend what earlier versions made."""
    (folder / DATABASE_FILE).touch(mode=_PRIVATE_MODE)
    for path in (folder / name for name in _PRIVATE_FILES):
        # Those of another user, and on file systems without modes, are as somebody decided.
        with suppress(PermissionError, FileNotFoundError):
            path.chmod(_PRIVATE_MODE)
