"""The user of workers on other machines: takes hints of jobs, and can do nothing else."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest
from pydantic import SecretStr

from qserver.broker import Broker, Hint, connect
from qserver.broker.accounts import Management, ensure_worker_account
from qserver.errors import QServerError, SettingsError, Unavailable
from qserver.settings import BrokerAccountSettings, BrokerSettings
from tests.contracts.broker import pull_all
from tests.servers.rabbitmq import RabbitMQServer

PASSWORD = "0123456789-abc/d@e:f"  # noqa: S105 - of a server that lives for one session


@pytest.fixture
def account(rabbitmq_server: RabbitMQServer, rabbitmq_url: str) -> BrokerAccountSettings:
    settings = BrokerAccountSettings(
        broker_management_url=rabbitmq_server.management_url,
        broker_worker_user=f"worker-{uuid4().hex}",
        broker_worker_password=SecretStr(PASSWORD),
    )
    management = Management(settings.broker_management_url, user="guest", password="guest")  # noqa: S106 - its default
    for _ in range(2):  # safe to repeat
        ensure_worker_account(management, settings, virtual_host=unquote(urlsplit(rabbitmq_url).path[1:]))
    return settings


@pytest.fixture
def elsewhere(rabbitmq_url: str, account: BrokerAccountSettings) -> Iterator[Broker]:
    settings = BrokerSettings(
        broker_url=SecretStr(rabbitmq_url),
        broker_user=account.broker_worker_user,
        broker_password=SecretStr(PASSWORD),
        broker_declares=False,
        broker_timeout_seconds=5,
    )
    with closing(connect(settings)) as broker:
        yield broker


@pytest.fixture
def house(rabbitmq_url: str) -> Iterator[Broker]:
    with closing(connect(BrokerSettings(broker_url=SecretStr(rabbitmq_url)))) as broker:
        yield broker


def test_it_takes_hints_of_queues_that_are_there_and_finds_others_once_they_are(
    house: Broker, elsewhere: Broker
) -> None:
    first, second = Hint("cpu", (uuid4(),)), Hint("large", (uuid4(),))

    with closing(elsewhere.consumer(frozenset({"cpu", "large"}))) as consumer, closing(house.publisher()) as publisher:
        before = consumer.pull(max_messages=10, timeout_seconds=0.2)
        publisher.publish([first])
        one = pull_all(consumer, 1)
        publisher.publish([second])
        other = pull_all(consumer, 1)

    assert before == []
    assert [delivery.hint for delivery in (*one, *other)] == [first, second]


def test_it_publishes_nothing(house: Broker, elsewhere: Broker) -> None:
    with closing(house.publisher()) as publisher:
        publisher.publish([Hint("cpu", (uuid4(),))])

    with closing(elsewhere.publisher()) as publisher, pytest.raises(Unavailable, match=r"(?i)access"):
        publisher.publish([Hint("cpu", (uuid4(),))])


def test_a_weak_password_is_refused(account: BrokerAccountSettings) -> None:
    management = Management(account.broker_management_url, user="guest", password="guest")  # noqa: S106
    weak = account.model_copy(update={"broker_worker_password": SecretStr("short")})

    with pytest.raises(SettingsError, match="QSERVER_BROKER_WORKER_PASSWORD has 5 characters"):
        ensure_worker_account(management, weak, virtual_host="/")


def test_a_wrong_password_of_the_administrator_is_told(account: BrokerAccountSettings) -> None:
    management = Management(account.broker_management_url, user="guest", password="wrong")  # noqa: S106

    with pytest.raises(QServerError, match="another password"):
        ensure_worker_account(management, account, virtual_host="/")
