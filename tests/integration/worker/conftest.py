"""The unit tests' workers, on a real PostgreSQL and a real RabbitMQ."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from qserver.broker import connect
from qserver.settings import BrokerSettings, Settings
from tests.unit.worker.conftest import forkserver, start_worker
from tests.unit.worker.house import House, InterruptibleDatabase, worker_settings

__all__ = ["forkserver", "start_worker"]


@pytest.fixture
def settings(postgres_database_url: str) -> Settings:
    return worker_settings(postgres_database_url)


@pytest.fixture
def house(settings: Settings, rabbitmq_url: str) -> Iterator[House]:
    database = InterruptibleDatabase.open(settings.database)
    broker = connect(BrokerSettings(broker_url=SecretStr(rabbitmq_url)))
    database.upgrade()
    yield House(database, broker)
    broker.close()
    database.close()
