"""Queues as RabbitMQ keeps them: dead letters, other people's settings, a thousand hints at once."""

from contextlib import closing

import pika
import pytest
from structlog.testing import capture_logs

from qserver.broker import Broker
from qserver.errors import Unavailable
from tests.contracts.broker import CPU, SOON_SECONDS, job_ids, pull_all, some_hints
from tests.waiting import wait_until


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
