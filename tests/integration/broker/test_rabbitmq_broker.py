"""The same promises, kept by RabbitMQ."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

from qserver.broker import Broker, connect
from qserver.settings import BrokerSettings
from tests.contracts.broker import BrokerContract


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[Broker]:
    with closing(connect(BrokerSettings(broker_url=SecretStr(rabbitmq_url)))) as broker:
        yield broker


class TestRabbitMQBroker(BrokerContract):
    pass
