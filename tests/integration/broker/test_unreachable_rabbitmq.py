"""A RabbitMQ that is away, silent, or lets nobody in, and addresses that are none."""

import gc
import socket
import threading
from contextlib import closing

import pytest

from qserver.broker import connect
from qserver.errors import SettingsError, Unavailable
from tests.contracts.broker import CPU
from tests.integration.broker.settings import settings
from tests.servers.ports import free_port
from tests.servers.rabbitmq import RabbitMQServer


def test_a_broker_that_is_away_is_named_without_its_password() -> None:
    port = free_port()
    with closing(connect(settings(f"amqp://user:secret@127.0.0.1:{port}/%2F"))) as broker:
        with pytest.raises(Unavailable) as raised:
            broker.ping()

        assert raised.value.message == f"RabbitMQ at 127.0.0.1:{port} can't be reached: Connection refused"


def test_a_broker_closed_while_it_connects_leaves_no_socket_open(rabbitmq_url: str) -> None:
    # Closed at every stage of connecting; a forgotten socket is a warning, hence an error. One in thirty was forgotten.
    for round_number in range(64):
        with closing(connect(settings(rabbitmq_url))):
            threading.Event().wait(round_number % 8 / 4000)

    gc.collect()


def test_a_wrong_password_is_told_without_it(rabbitmq_server: RabbitMQServer) -> None:
    url = rabbitmq_server.url.replace("guest:guest", "guest:secret")
    with closing(connect(settings(url))) as broker:
        with pytest.raises(Unavailable, match=f"127.0.0.1:{rabbitmq_server.port}.*ACCESS_REFUSED") as raised:
            broker.ping()

        assert "secret" not in str(raised.value)


def test_a_broker_that_is_silent_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://guest:guest@127.0.0.1:{silent.getsockname()[1]}/%2F"
        with closing(connect(settings(url, timeout_seconds=0.5))) as broker, pytest.raises(Unavailable):
            broker.ping()


def test_a_pull_gives_nothing_while_the_broker_is_away() -> None:
    url = f"amqp://guest:guest@127.0.0.1:{free_port()}/%2F"
    with closing(connect(settings(url))) as broker, closing(broker.consumer(CPU)) as consumer:
        assert consumer.pull(max_messages=1, timeout_seconds=0.3) == []


@pytest.mark.parametrize("url", ["http://localhost", "localhost:5672", "amqp://host:port/", "amqp://h/%2F?heartbeat=x"])
def test_a_wrong_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="QSERVER_BROKER_URL") as raised:
        connect(settings(url))

    assert url not in str(raised.value)
