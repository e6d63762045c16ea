"""A private PostgreSQL server."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

MISSING = "PostgreSQL 15 or newer is not installed; `make test` installs it on Debian and Ubuntu"
BINARIES_VARIABLE = "QSERVER_TEST_POSTGRES_BIN"

# Speed for data that nobody keeps. Transactions still survive a killed server: its pages are the kernel's by then.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # no path that could be too long
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    "autovacuum": "off",  # it would change plans whenever it came by; who tests plans says what the planner knows
    "timezone": "UTC",
}


def _newest_first(folder: Path) -> float:
    return float(re.sub(r"[^\d.]", "", folder.parent.name) or 0)


def find_binaries() -> Path:
    """Give the folder of `initdb` and `postgres`: the one named in the environment, else the newest.

    Raises FileNotFoundError with the remedy in it.
    """
    if named := os.environ.get(BINARIES_VARIABLE):
        return _named_binaries(Path(named))
    on_path = shutil.which("initdb")
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_newest_first, reverse=True)
    candidates = [*packaged, *([Path(on_path).parent] if on_path else [])]
    for folder in candidates:
        if (folder / "initdb").exists():
            return folder
    raise FileNotFoundError(MISSING)


def _named_binaries(folder: Path) -> Path:
    for program in ("initdb", "postgres"):
        if not (folder / program).is_file():
            raise FileNotFoundError(f"{folder} has no {program} ({BINARIES_VARIABLE})")
    return folder.absolute()


class PostgresServer:
    """PostgreSQL on a free port of 127.0.0.1, data in a temporary folder. Its role `postgres` needs no password."""

    def __init__(self, parent: Path | None = None, /, **settings: str) -> None:
        """Choose port and folder; nothing runs before `start`. `settings` of postgresql.conf come over ours.

        The folder lies in `parent`, such as a disk of its own; among temporary files where none is named.
        """
        self.port = free_port()
        self._binaries = find_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="qserver-postgres-", dir=parent))
        self._process: OwnedProcess | None = None
        self._settings = {**_SETTINGS, **settings}
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}

    @property
    def log(self) -> str:
        """What the server has said so far."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The postmaster's process id. Raises RuntimeError when it doesn't run."""
        if self._process is None:
            raise RuntimeError("PostgreSQL was not started")
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the postmaster runs."""
        return self._process is not None and self._process.is_alive

    def url(self, database: str = "postgres") -> str:
        """Give the SQLAlchemy URL of `database`."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open an administrator's connection that commits each statement."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=5
        )

    def start(self) -> None:
        """Start it, with its data if it ran before, and wait until it answers."""
        if not (self._folder / "data").exists():
            self._initialise()
        settings = [f"--{name}={value}" for name, value in {**self._settings, "port": str(self.port)}.items()]
        self._process = OwnedProcess(
            [str(self._binaries / "postgres"), "-D", str(self._folder / "data"), *settings],
            environment=self._environment,
            user=self._user,
            folder=self._folder,
            log_path=self._folder / "log",
            last_signal=signal.SIGQUIT,
        )
        wait_until(self._answers, timeout_seconds=60, what="PostgreSQL answers")

    def stop(self, *, is_immediate: bool = False) -> None:
        """Stop it, connections included; `is_immediate` as in `pg_ctl stop -m immediate`. The data stay."""
        if self._process is not None:
            self._process.stop(signal.SIGQUIT if is_immediate else signal.SIGINT, timeout_seconds=30)
            self._process = None

    def kill(self) -> None:
        """Kill the postmaster; its backends notice and end, which `start` waits for."""
        if self._process is not None:
            self._process.kill()
            self._process = None
            self._wait_for_backends_to_end()

    def restart(self, *, is_immediate: bool = False) -> None:
        """Stop and start it on the same port and data."""
        self.stop(is_immediate=is_immediate)
        self.start()

    def close(self) -> None:
        """Stop it and remove its folder. Safe to repeat."""
        self.stop(is_immediate=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """Create a database for the time of the block; gives its SQLAlchemy URL."""
        name = f"test_{uuid.uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield self.url(name)
        finally:
            with self.connect() as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _initialise(self) -> None:
        if self._user:
            shutil.chown(self._folder, self._user)
        done = subprocess.run(
            [
                *(str(self._binaries / "initdb"), "-D", str(self._folder / "data")),
                *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            env=self._environment,
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")

    def _answers(self) -> bool:
        if self._process is None or not self._process.is_alive:
            raise RuntimeError(f"PostgreSQL ended while starting: {self.log}")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _wait_for_backends_to_end(self) -> None:
        """A new postmaster refuses to start while a backend of the old one still holds the shared memory."""
        data = str(self._folder / "data").encode()

        def holds_data(process: Path) -> bool:
            try:
                return (process / "cwd").readlink().as_posix().encode() == data
            except OSError:
                return False

        wait_until(
            lambda: not any(holds_data(process) for process in Path("/proc").glob("[0-9]*")),
            timeout_seconds=30,
            what="backends of the killed PostgreSQL end",
        )
