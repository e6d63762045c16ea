"""A RabbitMQ that restarts, forgets a queue or closes a channel under us: we heal, and no hint is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from qserver.broker import Broker, Consumer, Delivery, Hint, Publisher, Tag, connect
from qserver.broker.visited_channel import MAX_VISITS
from qserver.errors import Unavailable
from tests.contracts.broker import CPU, SOON_SECONDS, job_ids, pull_all, some_hints
from tests.integration.broker.settings import settings
from tests.servers.rabbitmq import RabbitMQServer
from tests.waiting import wait_until

HEALING_SECONDS = 60.0


def publish_until_taken(publisher: Publisher, hints: list[Hint]) -> None:
    """Publish as the dispatcher does: again, while the broker is unavailable."""

    def is_published() -> bool:
        try:
            publisher.publish(hints)
        except Unavailable:
            return False
        return True

    wait_until(is_published, timeout_seconds=HEALING_SECONDS, what="the broker takes hints again")


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
