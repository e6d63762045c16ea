"""What passes when somebody waits: services try again, and don't end."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from database import Database
from qserver.errors import Unavailable
from qserver.settings import DatabaseSettings
from tests.integration.database.conftest import postgres_settings
from tests.servers.postgres import PostgresServer
from tests.unit.database.builders import submitted
from tests.waiting import wait_until


@contextmanager
def opened(settings: DatabaseSettings) -> Iterator[Database]:
    database = Database.open(settings)
    try:
        yield database
    finally:
        database.close()


def test_tables_that_are_not_there_yet_are_waited_for(postgres_server: PostgresServer) -> None:
    with postgres_server.empty_database() as url, opened(postgres_settings(url)) as database:
        with pytest.raises(Unavailable, match=r'"workers" does not exist.*python -m database upgrade'):
            list_workers(database)

        database.upgrade()
        list_workers(database)


def test_a_column_that_is_not_there_yet_is_waited_for(postgres_server: PostgresServer) -> None:
    with postgres_server.empty_database() as url, opened(postgres_settings(url)) as database:
        database.upgrade()
        with database._engine.begin() as connection:
            connection.execute(text("ALTER TABLE workers DROP COLUMN cores"))

        with pytest.raises(Unavailable, match="python -m database upgrade"):
            list_workers(database)


def test_a_server_that_has_become_a_copy_is_no_fault_of_ours(database: Database) -> None:
    with database._engine.connect() as connection, connection.begin():
        (name,) = connection.execute(text("SELECT current_database()")).one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    try:
        database._engine.dispose()
        with pytest.raises(Unavailable, match="read-only"):
            database.require_ready()
        with pytest.raises(Unavailable, match="read-only"):
            submitted(database)
    finally:
        with database._reading_engine.connect() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
        database._engine.dispose()


def test_tables_that_are_not_there_or_of_an_earlier_version_are_not_ready(postgres_server: PostgresServer) -> None:
    with postgres_server.empty_database() as url, opened(postgres_settings(url)) as database:
        with pytest.raises(Unavailable, match=r'"alembic_version" does not exist.*python -m database upgrade'):
            database.require_ready()
        database.upgrade()
        database.require_ready()
        with database._engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
        with pytest.raises(Unavailable, match=r"at version 0003.*python -m database upgrade"):
            database.require_ready()


def test_tables_of_a_version_to_come_are_ready(postgres_server: PostgresServer) -> None:
    with postgres_server.empty_database() as url, opened(postgres_settings(url)) as database:
        database.upgrade()
        with database._engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        database.require_ready()


def test_room_is_proved_by_a_file_that_postgresql_writes(postgres_server: PostgresServer) -> None:
    with postgres_server.empty_database() as url, opened(postgres_settings(url)) as database:
        database.upgrade()

        database.require_ready()

        name = url.rpartition("/")[2]
        wait_until(lambda: temporary_bytes(postgres_server, name) > 0, what="the file is counted")


def temporary_bytes(server: PostgresServer, name: str) -> int:
    with server.connect() as connection:
        row = connection.execute("SELECT temp_bytes FROM pg_stat_database WHERE datname = %s", [name]).fetchone()
    return int(row[0]) if row else 0


def list_workers(database: Database) -> None:
    with database.reading() as transaction:
        transaction.workers.list()
