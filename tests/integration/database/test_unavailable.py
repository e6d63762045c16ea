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
            submitted(database)
    finally:
        with database._reading_engine.connect() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
        database._engine.dispose()


def list_workers(database: Database) -> None:
    with database.reading() as transaction:
        transaction.workers.list()
