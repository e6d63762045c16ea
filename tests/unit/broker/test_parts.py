"""What the broker decides without one."""

from itertools import islice
from uuid import UUID, uuid4

import pika
import pytest
from pydantic import SecretStr

from qserver.broker import Delivery, Hint, MemoryBroker, Tag, connect
from qserver.broker.interface import MAX_HINT_JOBS
from qserver.broker.link import retry_delays
from qserver.broker.queues import decode, encode, queue_name
from qserver.broker.rabbitmq import connection_parameters
from qserver.broker.visit import turn_by_turn
from qserver.errors import SettingsError
from qserver.settings import BrokerSettings


def delivery(route: str, number: int) -> Delivery:
    return Delivery(hint=Hint(route=route, job_ids=(uuid4(),)), tag=Tag(pull=1, number=number))


@pytest.mark.parametrize("number", [1, 2, MAX_HINT_JOBS])
def test_a_hint_survives_the_way_through_a_message(number: int) -> None:
    hint = Hint(route="plugin.fake-plugin", job_ids=tuple(uuid4() for _ in range(number)))

    assert decode(hint.route, encode(hint)) == hint


TOO_MANY = b"\n".join([str(uuid4()).encode()] * (MAX_HINT_JOBS + 1))


@pytest.mark.parametrize("body", [b"", b"x", b"\xff" * 16, b"0" * 31, str(UUID(int=7)).encode() + b"!", TOO_MANY])
def test_a_body_that_is_no_hint_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - UnicodeDecodeError is one, too
        decode("cpu", body)


def test_a_route_names_its_queue() -> None:
    assert queue_name("cpu") == "qserver.cpu"


def test_attempts_to_connect_grow_rarer_but_never_rare() -> None:
    assert list(islice(retry_delays(), 8)) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_routes_take_turns() -> None:
    busy = [delivery("cpu", number) for number in (1, 2, 3)]
    rare = [delivery("large", 4)]

    assert turn_by_turn([busy, rare, []]) == [busy[0], rare[0], busy[1], busy[2]]


def test_a_memory_address_gives_the_broker_in_memory() -> None:
    assert isinstance(connect(BrokerSettings(broker_url=SecretStr("memory://"))), MemoryBroker)


@pytest.mark.parametrize("url", ["", "http://user:secret@host", "redis://user:secret@host"])
def test_an_unknown_kind_of_broker_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="it must be amqp, amqps or memory") as raised:
        connect(BrokerSettings(broker_url=SecretStr(url)))

    assert "secret" not in str(raised.value)


def test_user_and_password_of_their_own_replace_those_of_the_url() -> None:
    settings = BrokerSettings(
        broker_url=SecretStr("amqp://rabbitmq:5672/%2F"), broker_user="ada", broker_password=SecretStr("p@ss/w:rd%")
    )

    credentials = connection_parameters(settings).credentials

    assert credentials == pika.PlainCredentials("ada", "p@ss/w:rd%")
