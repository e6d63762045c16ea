"""The jobs server on a real PostgreSQL and a real RabbitMQ, with real inspectors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

from qserver.broker import Broker, connect
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import BrokerSettings, DatabaseSettings
from tests.unit.jobs_server.builders import CountingDatabase
from tests.unit.jobs_server.conftest import forkserver, jobs
from tests.unit.jobs_server.served import Served

__all__ = ["forkserver", "jobs"]


@pytest.fixture
def database(postgres_database_url: str) -> Iterator[CountingDatabase]:
    """An empty database with all tables."""
    opened = CountingDatabase.open(DatabaseSettings(database_url=SecretStr(postgres_database_url)))
    assert isinstance(opened, CountingDatabase)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture
def second_database(postgres_database_url: str) -> Iterator[CountingDatabase]:
    """The same database, as another process sees it."""
    with closing(CountingDatabase.open(DatabaseSettings(database_url=SecretStr(postgres_database_url)))) as opened:
        assert isinstance(opened, CountingDatabase)
        yield opened


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[Broker]:
    """An empty virtual host."""
    with closing(connect(BrokerSettings(broker_url=SecretStr(rabbitmq_url), broker_timeout_seconds=2))) as connected:
        yield connected


@pytest.fixture
async def served(database: CountingDatabase, broker: Broker, forkserver: Forkserver) -> AsyncIterator[Served]:
    """One jobs server."""
    scene = Served(database, broker=broker, forkserver=forkserver)
    await scene.start()
    yield scene
    await scene.stop()
