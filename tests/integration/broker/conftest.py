"""A broker on a RabbitMQ of its own process, in an empty virtual host."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from qserver.broker import Broker, connect
from tests.integration.broker.settings import settings


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[Broker]:
    with closing(connect(settings(rabbitmq_url))) as broker:
        yield broker
