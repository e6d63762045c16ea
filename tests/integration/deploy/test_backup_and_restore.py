"""`make backup` and `make restore` on a real PostgreSQL, by a stand-in for docker; tests/compose has the whole way."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from database import Database, migrate
from tests.integration.database.conftest import postgres_settings
from tests.servers.postgres import PostgresServer, find_binaries
from tests.unit.database.builders import JobBuilder, a_finished_job, a_worker, claimed, finished, submitted

ROOT = Path(__file__).parents[3]
DATABASE = "qserver"

pytestmark = pytest.mark.timeout(300)

Rows = Mapping[str, list[str]]


class Installation:
    """A database of the name that compose.yml gives it, an .env, and the scripts."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        programs = folder / "programs"
        programs.mkdir()
        shutil.copy(ROOT / "tests/integration/deploy/docker.sh", programs / "docker")
        self._environment = {
            "PATH": f"{programs}:{find_binaries()}:{os.environ['PATH']}",
            "ENV_FILE": str(folder / "env"),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "POSTGRES_USER": "postgres",
        }
        self.backup_file = folder / "backups" / "one.tar"
        self.make_database()
        self.run("make-env.sh")

    def make_database(self) -> None:
        """Have an empty one, whatever was there."""
        self.drop_database()
        with self._server.connect() as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE template0')

    def drop_database(self) -> None:
        with self._server.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')

    def open(self) -> Database:
        return Database.open(postgres_settings(self._server.url(DATABASE)))

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / "scripts" / script), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def rows(self) -> Rows:
        """Give all rows of all tables as text, but for workers, which are gone by the time of a restore."""
        database, tables = self.open(), MetaData()
        try:
            with database._engine.begin() as connection:
                tables.reflect(connection)
                return {
                    table.name: sorted(str(tuple(row)) for row in connection.execute(select(table)))
                    for table in tables.sorted_tables
                    if table.name != "workers"
                }
        finally:
            database.close()


@pytest.fixture
def installation(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Installation]:
    """One with a finished job, one that waits and a worker."""
    made = Installation(postgres_server, tmp_path)
    database = made.open()
    try:
        database.upgrade()
        a_finished_job(database, JobBuilder(request_id="done"))
        submitted(database, JobBuilder(source=b"OPENQASM 2.0;// waits"))
        with database.transaction() as transaction:
            transaction.workers.register(a_worker())
        database.close()
        yield made
    finally:
        database.close()
        made.drop_database()


def test_what_was_backed_up_is_there_again_and_work_goes_on(installation: Installation) -> None:
    before = installation.rows()
    saved = installation.run("backup.sh", str(installation.backup_file))
    installation.make_database()

    restored = installation.run("restore.sh", str(installation.backup_file))

    assert (saved.returncode, restored.returncode) == (0, 0), saved.stderr + restored.stderr
    assert installation.rows() == before
    assert installation.backup_file.stat().st_mode & 0o077 == 0
    database = installation.open()
    try:
        migrate.check(database._engine)
        with database.reading() as transaction:
            assert list(transaction.workers.list(live_within_seconds=None)) == []
        (job,) = submitted(database)
        (claim,) = claimed(database, [job.id])
        assert finished(database, claim.lease)
    finally:
        database.close()


def test_a_restore_into_a_database_in_use_is_refused_and_changes_nothing(installation: Installation) -> None:
    installation.run("backup.sh", str(installation.backup_file))
    before = installation.rows()

    answer = installation.run("restore.sh", str(installation.backup_file))

    assert answer.returncode == 1
    assert "restore goes into an empty one" in answer.stderr
    assert installation.rows() == before


def test_a_backup_that_fails_leaves_no_file_that_could_be_taken_for_one(installation: Installation) -> None:
    installation.drop_database()

    answer = installation.run("backup.sh", str(installation.backup_file))

    assert answer.returncode == 1
    assert "nothing was kept" in answer.stderr
    assert list(installation.backup_file.parent.iterdir()) == []


def test_a_backup_never_writes_over_another(installation: Installation) -> None:
    installation.run("backup.sh", str(installation.backup_file))
    first = installation.backup_file.read_bytes()

    answer = installation.run("backup.sh", str(installation.backup_file))

    assert "is there already" in answer.stderr
    assert installation.backup_file.read_bytes() == first


def test_a_broken_dump_leaves_the_database_empty(installation: Installation, tmp_path: Path) -> None:
    installation.run("backup.sh", str(installation.backup_file))
    broken = tmp_path / "broken.tar"
    _cut_dump(installation.backup_file, broken)
    installation.make_database()

    answer = installation.run("restore.sh", str(broken))

    assert answer.returncode == 1
    assert "has left nothing behind" in answer.stderr
    assert installation.rows() == {}


def _cut_dump(backup: Path, broken: Path) -> None:
    """Write the backup again with half of its dump."""
    folder = broken.parent / "cut"
    folder.mkdir()
    subprocess.run(["tar", "-C", str(folder), "-xf", str(backup)], check=True)
    dump = folder / "database.dump"
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    subprocess.run(["tar", "-C", str(folder), "-cf", str(broken), "database.dump", "env", "version"], check=True)
