"""During an upgrade services of the previous version still write: the newer tables take their rows, and all read them.

What the previous version writes is what is in its own columns. So rows are made by this version, seen through the
tables of each earlier one, and written again through those into the tables that followed.
"""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, insert, select, text

from database import Database, migrate
from database.migrate import _migrating
from qserver.identity import ANONYMOUS
from tests.integration.database.conftest import postgres_settings
from tests.unit.database.builders import (
    JobBuilder,
    a_finished_job,
    a_lease,
    a_user,
    a_worker,
    read,
    registered,
    submitted,
)

_KEPT_BY_MIGRATIONS = {"alembic_version"}

Rows = Mapping[str, Sequence[Mapping[str, object]]]


def _steps() -> Sequence[tuple[str, str]]:
    """Give each version but the first with the one before it."""
    configuration = Config()
    configuration.set_main_option("script_location", str(migrate.__file__).replace("migrate.py", "migrations"))
    scripts = ScriptDirectory.from_config(configuration).walk_revisions()
    return [(str(script.down_revision), script.revision) for script in scripts if script.down_revision]


@pytest.fixture
def lived_in(postgres_database_url: str) -> Iterator[Database]:
    """A database of the newest version, with a row of nearly everything in it."""
    database = Database.open(postgres_settings(postgres_database_url))
    try:
        database.upgrade()
        registered(database, "aer")
        ada = a_user(database, "ada")
        a_finished_job(database, JobBuilder(request_id="done"))
        submitted(database, JobBuilder(owner=ada, source=b"OPENQASM 2.0;// waits", request_id="waits"))
        a_lease(database, JobBuilder(source=b"OPENQASM 2.0;// runs"))
        with database.transaction() as transaction:
            transaction.workers.register(a_worker())
        yield database
    finally:
        database.close()


def _move(database: Database, version: str) -> None:
    with _migrating(database._engine) as configuration:
        here = migrate.current(database._engine) or "base"
        (command.downgrade if version < here else command.upgrade)(configuration, version)


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _all_rows(database: Database) -> Rows:
    with database._engine.begin() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in _tables(connection).sorted_tables
            if table.name not in _KEPT_BY_MIGRATIONS
        }


def _write_again(database: Database, rows: Rows) -> None:
    """Empty all tables, and fill them by the columns of an earlier version."""
    with database._engine.begin() as connection:
        tables = _tables(connection)
        names = ", ".join(f'"{name}"' for name in tables.tables if name not in _KEPT_BY_MIGRATIONS)
        connection.execute(text(f"TRUNCATE {names}"))
        for table in tables.sorted_tables:
            if rows.get(table.name):
                connection.execute(insert(table), [dict(row) for row in rows[table.name]])


@pytest.mark.parametrize(("earlier", "later"), _steps())
def test_what_the_previous_version_writes_fits_the_tables_of_the_next(
    lived_in: Database, earlier: str, later: str
) -> None:
    _move(lived_in, earlier)
    written = _all_rows(lived_in)
    _move(lived_in, later)

    _write_again(lived_in, written)

    now = _all_rows(lived_in)
    assert {name: len(rows) for name, rows in written.items()} == {name: len(now[name]) for name in written}
    for name, rows in written.items():
        columns = rows[0].keys() if rows else ()
        seen = [{column: row[column] for column in columns} for row in now[name]]
        assert all(dict(row) in seen for row in rows), name


def test_this_version_reads_what_the_previous_one_wrote(lived_in: Database) -> None:
    earlier, later = _steps()[0]
    _move(lived_in, earlier)
    written = _all_rows(lived_in)
    _move(lived_in, later)
    _write_again(lived_in, written)

    with lived_in.reading() as transaction:
        jobs = transaction.jobs.list(ANONYMOUS, limit=10)

    assert sorted(job.status for job in jobs) == ["finished", "pending", "running"]
    assert all(read(lived_in, job.id) == job for job in jobs)
