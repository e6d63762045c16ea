"""What only a broker of its own process can do to us: go away, forget a queue, refuse, hold strange messages."""

import gc
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pika
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from qserver.broker import Broker, Consumer, Delivery, Hint, Publisher, Tag, connect
from qserver.broker.visited_channel import MAX_VISITS
from qserver.errors import SettingsError, Unavailable
from qserver.settings import BrokerSettings
from tests.contracts.broker import CPU, SOON_SECONDS, job_ids, pull_all, some_hints
from tests.servers.ports import free_port
from tests.servers.rabbitmq import RabbitMQServer
from tests.waiting import wait_until

HEALING_SECONDS = 60.0


def settings(url: str, *, timeout_seconds: float = 10.0, heartbeat_seconds: int = 30) -> BrokerSettings:
    return BrokerSettings(
        broker_url=SecretStr(url),
        broker_timeout_seconds=timeout_seconds,
        broker_heartbeat_seconds=heartbeat_seconds,
    )


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[Broker]:
    with closing(connect(settings(rabbitmq_url))) as broker:
        yield broker


def publish_until_taken(publisher: Publisher, hints: list[Hint]) -> None:
    """Publish as the dispatcher does: again, while the broker is unavailable."""

    def is_published() -> bool:
        try:
            publisher.publish(hints)
        except Unavailable:
            return False
        return True

    wait_until(is_published, timeout_seconds=HEALING_SECONDS, what="the broker takes hints again")


def put_message(url: str, queue: str, body: bytes) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        connection.channel().basic_publish("", queue, body)
    finally:
        connection.close()


def get_message(url: str, queue: str) -> bytes | None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        body: bytes | None = connection.channel().basic_get(queue, auto_ack=True)[2]
        return body
    finally:
        connection.close()


def wait_for_dead_letter(url: str) -> bytes:
    found: list[bytes] = []

    def is_there() -> bool:
        if (body := get_message(url, "qserver.dead")) is not None:
            found.append(body)
        return bool(found)

    wait_until(is_there, timeout_seconds=SOON_SECONDS, what="a dead letter arrives")
    return found[0]


def gather(consumer: Consumer, found: set[object]) -> set[object]:
    found.update(job_ids(pull_all(consumer, 1)))
    return found


def test_publisher_and_consumer_heal_when_the_broker_restarts_under_them() -> None:
    server = RabbitMQServer()
    server.start()
    batches = [some_hints(3) for _ in range(3)]
    found: set[object] = set()
    try:
        with (
            closing(connect(settings(server.url))) as broker,
            closing(broker.publisher()) as publisher,
            closing(broker.consumer(CPU)) as consumer,
        ):
            publisher.publish(batches[0])
            held = consumer.pull(max_messages=1, timeout_seconds=SOON_SECONDS)
            for batch, is_killed in zip(batches[1:], (False, True), strict=True):
                server.restart(is_killed=is_killed)
                publish_until_taken(publisher, batch)
            consumer.acknowledge(held)

            # Durable queues keep what was confirmed; the hint that was on loan comes again.
            wanted = {job_id for batch in batches for job_id in job_ids(batch)}
            wait_until(
                lambda: wanted <= gather(consumer, found),
                timeout_seconds=HEALING_SECONDS,
                what="every hint comes out",
            )
            assert publisher.connection_generation() >= 2
    finally:
        server.close()


def test_a_queue_that_lost_its_server_is_made_again() -> None:
    server = RabbitMQServer()
    server.start()
    try:
        with (
            closing(connect(settings(server.url, timeout_seconds=4))) as broker,
            closing(broker.publisher()) as publisher,
            closing(broker.consumer(CPU)) as consumer,
        ):
            publisher.publish(some_hints(1))
            server.restart(is_killed=True)  # 3.10 forgets the server of a quorum queue that it has just made
            hints = some_hints(1)

            publish_until_taken(publisher, hints)

            found: set[object] = set()
            wait_until(
                lambda: set(job_ids(hints)) <= gather(consumer, found),
                timeout_seconds=2 * HEALING_SECONDS,
                what="the hint comes out",
            )
    finally:
        server.close()


def test_a_waiting_pull_survives_the_deletion_of_its_queue(
    broker: Broker, rabbitmq_server: RabbitMQServer, rabbitmq_url: str
) -> None:
    hints = some_hints(1)
    with (
        closing(broker.publisher()) as publisher,
        closing(broker.consumer(CPU)) as consumer,
        ThreadPoolExecutor() as threads,
    ):
        publisher.publish(some_hints(1))
        pull_all(consumer, 1)
        waiting = threads.submit(consumer.pull, max_messages=1, timeout_seconds=HEALING_SECONDS)
        rabbitmq_server.delete_queue(rabbitmq_url, "qserver.cpu")

        publisher.publish(hints)

        assert job_ids(waiting.result(HEALING_SECONDS)) == job_ids(hints)


def test_a_hint_for_a_queue_that_was_deleted_is_not_lost(
    broker: Broker, rabbitmq_server: RabbitMQServer, rabbitmq_url: str
) -> None:
    with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
        publisher.publish(some_hints(1))
        rabbitmq_server.delete_queue(rabbitmq_url, "qserver.cpu")
        hints = some_hints(5)

        publisher.publish(hints)

        assert job_ids(pull_all(consumer, 5)) == job_ids(hints)


def test_a_consumer_heals_when_the_broker_closes_its_channel(broker: Broker) -> None:
    with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
        hints = some_hints(2)
        publisher.publish(hints)
        held = consumer.pull(max_messages=2, timeout_seconds=SOON_SECONDS)
        # Acknowledged behind the consumer's back, the second time is an error for which RabbitMQ closes the channel.
        visit = consumer._visits[held[0].tag.pull]  # type: ignore[attr-defined]
        consumer._link.post(lambda: visit._channel.acknowledge(held[1].tag.number))  # type: ignore[attr-defined]

        consumer.acknowledge(held)

        assert job_ids(pull_all(consumer, 1)) == job_ids(hints[:1])


def test_hints_on_loan_outlast_the_visits_that_a_channel_takes(broker: Broker) -> None:
    with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
        first, second = some_hints(2), some_hints(2)
        publisher.publish(first)
        held = consumer.pull(max_messages=2, timeout_seconds=SOON_SECONDS)
        channel = consumer._visited[1]  # type: ignore[attr-defined]
        publisher.publish(second)
        also_held = consumer.pull(max_messages=2, timeout_seconds=SOON_SECONDS)
        for _ in range(MAX_VISITS):
            assert consumer.pull(max_messages=2, timeout_seconds=0.001) == []
        assert consumer._visited[1] is not channel  # type: ignore[attr-defined]

        consumer.acknowledge(also_held)
        consumer.acknowledge(held[:1])
        assert not channel.is_over
        consumer.acknowledge(held[1:])

        wait_until(lambda: channel.is_over)
        assert job_ids([*held, *also_held]) == job_ids([*first, *second])
        assert consumer.pull(max_messages=2, timeout_seconds=0.1) == []


def test_a_delivery_of_a_lost_channel_is_ignored(broker: Broker) -> None:
    with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
        stale = Delivery(hint=some_hints(1)[0], tag=Tag(pull=999, number=1))

        consumer.acknowledge([stale])

        publisher.publish(some_hints(1))
        assert len(pull_all(consumer, 1)) == 1


def test_heartbeats_go_on_while_the_caller_is_busy(rabbitmq_url: str) -> None:
    heartbeat_seconds = 5  # the least that our settings allow
    with (
        closing(connect(settings(rabbitmq_url, heartbeat_seconds=heartbeat_seconds))) as broker,
        closing(broker.publisher()) as publisher,
        closing(broker.consumer(CPU)) as consumer,
    ):
        publisher.publish(some_hints(1))
        held = consumer.pull(max_messages=1, timeout_seconds=SOON_SECONDS)

        threading.Event().wait(2.5 * heartbeat_seconds)

        # RabbitMQ would have dropped the connection by now, and given the hint to somebody else.
        consumer.acknowledge(held)
        assert publisher.connection_generation() == 0
        assert publisher.waiting("cpu") == 0
        assert consumer.pull(max_messages=1, timeout_seconds=0.5) == []


def test_a_thousand_hints_are_confirmed_by_one_call(broker: Broker) -> None:
    with closing(broker.publisher()) as publisher:
        publisher.publish([*some_hints(700), *some_hints(300, route="gpu")])

        assert (publisher.waiting("cpu"), publisher.waiting("gpu")) == (700, 300)


def test_a_malformed_message_becomes_a_dead_letter_and_a_line_in_the_log(broker: Broker, rabbitmq_url: str) -> None:
    with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer, capture_logs() as logs:
        publisher.waiting("cpu")
        put_message(rabbitmq_url, "qserver.cpu", b"not a job's id")
        hints = some_hints(1)
        publisher.publish(hints)

        found = pull_all(consumer, 1)

        assert job_ids(found) == job_ids(hints)
        assert wait_for_dead_letter(rabbitmq_url) == b"not a job's id"
        assert {"event": "hint_malformed", "route": "cpu", "size_bytes": 14, "log_level": "warning"} in logs


def test_a_rejected_hint_becomes_a_dead_letter(broker: Broker, rabbitmq_url: str) -> None:
    with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
        hints = some_hints(1)
        publisher.publish(hints)

        consumer.reject(consumer.pull(max_messages=1, timeout_seconds=SOON_SECONDS))

        assert wait_for_dead_letter(rabbitmq_url) == str(hints[0].job_ids[0]).encode()


def test_a_hint_comes_again_100_times_and_is_a_dead_letter_then(broker: Broker, rabbitmq_url: str) -> None:
    hints = some_hints(1)
    with closing(broker.publisher()) as publisher:
        publisher.publish(hints)

        for time in range(1 + 100):  # RabbitMQ 4 left alone would drop it after 20, 3.10 never
            with closing(broker.consumer(CPU)) as consumer:
                found = consumer.pull(max_messages=1, timeout_seconds=SOON_SECONDS)
            assert job_ids(found) == job_ids(hints), f"lost after {time} times"

        assert wait_for_dead_letter(rabbitmq_url) == str(hints[0].job_ids[0]).encode()


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


def test_a_queue_with_other_settings_is_told(broker: Broker, rabbitmq_url: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    connection.channel().queue_declare("qserver.cpu", durable=True)
    connection.close()

    with closing(broker.publisher()) as publisher, pytest.raises(Unavailable, match="inequivalent arg"):
        publisher.publish(some_hints(1))


def test_a_consumer_tells_why_its_queue_cannot_be_read_and_goes_on_trying(broker: Broker, rabbitmq_url: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    connection.channel().queue_declare("qserver.cpu", durable=True)
    connection.close()

    with closing(broker.consumer(CPU)) as consumer, capture_logs() as logs:

        def has_told_twice() -> bool:
            assert consumer.pull(max_messages=1, timeout_seconds=0.1) == []
            return len([log for log in logs if log["event"] == "pull_failed" and "inequivalent" in log["reason"]]) > 1

        wait_until(has_told_twice, what="the consumer tells why, and goes on trying")


@pytest.mark.parametrize("url", ["http://localhost", "localhost:5672", "amqp://host:port/", "amqp://h/%2F?heartbeat=x"])
def test_a_wrong_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="QSERVER_BROKER_URL") as raised:
        connect(settings(url))

    assert url not in str(raised.value)
