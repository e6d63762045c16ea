"""The broker in memory."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from qserver.broker import Broker, MemoryBroker
from tests.contracts.broker import BrokerContract


class TestMemoryBroker(BrokerContract):
    @pytest.fixture
    def broker(self) -> Iterator[Broker]:
        with closing(MemoryBroker()) as broker:
            yield broker

    def test_its_connection_is_never_made_anew(self, broker: Broker) -> None:
        assert broker.publisher().connection_generation() == 0
