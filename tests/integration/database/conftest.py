"""A database for each test, on PostgreSQL.

Most tests share one and find it empty: making and upgrading a new one takes half a second.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from database import Database
from database.tables import METADATA
from qserver.settings import DatabaseSettings
from tests.servers.postgres import PostgresServer


def postgres_settings(url: str) -> DatabaseSettings:
    return DatabaseSettings.model_validate({"database_url": url})


def open_empty_database(settings: DatabaseSettings) -> Database:
    """Open an upgraded database and remove whatever another test left there."""
    database = Database.open(settings)
    with database._engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(delete(table))
    with database.transaction() as transaction:
        transaction.users.ensure_anonymous()
    return database


@pytest.fixture(scope="session")
def upgraded_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.empty_database() as url:
        database = Database.open(postgres_settings(url))
        database.upgrade()
        database.close()
        yield url


@pytest.fixture
def database_settings(upgraded_database_url: str) -> DatabaseSettings:
    return postgres_settings(upgraded_database_url)


@pytest.fixture
def database(database_settings: DatabaseSettings) -> Iterator[Database]:
    database = open_empty_database(database_settings)
    yield database
    database.close()
