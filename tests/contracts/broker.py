"""What a broker promises, whatever it is made of. A subclass gives the fixture `broker`."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from qserver.broker import Broker, Consumer, Delivery, Hint
from qserver.broker.interface import MAX_HINT_JOBS
from qserver.errors import Unavailable
from tests.waiting import PATIENCE_SECONDS, wait_until

CPU = frozenset({"cpu"})
SOON_SECONDS = PATIENCE_SECONDS


def some_hints(number: int, route: str = "cpu") -> list[Hint]:
    return [Hint(route=route, job_ids=(uuid4(),)) for _ in range(number)]


def job_ids(items: Iterable[Hint | Delivery]) -> list[UUID]:
    hints = ((item.hint if isinstance(item, Delivery) else item) for item in items)
    return [job_id for hint in hints for job_id in hint.job_ids]


def pull_all(consumer: Consumer, number: int, *, max_messages: int = 100) -> list[Delivery]:
    """Pull until `number` hints came, acknowledging each batch."""
    found: list[Delivery] = []
    deadline = time.monotonic() + SOON_SECONDS
    while len(found) < number and time.monotonic() < deadline:
        batch = consumer.pull(max_messages=max_messages, timeout_seconds=1)
        consumer.acknowledge(batch)
        found.extend(batch)
    return found


class BrokerContract:
    """The tests; names are the promises."""

    def test_hints_come_out_once_in_the_order_they_went_in(self, broker: Broker) -> None:
        hints = some_hints(5)
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(hints)

            found = pull_all(consumer, 5)

            assert job_ids(found) == job_ids(hints)
            assert {delivery.hint.route for delivery in found} == {"cpu"}
            assert consumer.pull(max_messages=5, timeout_seconds=0.1) == []

    def test_a_hint_of_many_jobs_comes_whole_and_in_order(self, broker: Broker) -> None:
        hints = [Hint("cpu", tuple(uuid4() for _ in range(number))) for number in (1, MAX_HINT_JOBS)]
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(hints)

            assert [delivery.hint for delivery in pull_all(consumer, 2)] == hints

    def test_a_pull_gives_what_is_there_without_waiting_for_company(self, broker: Broker) -> None:
        hints = some_hints(3)
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(hints)

            found = consumer.pull(max_messages=64, timeout_seconds=60)

            assert job_ids(found) == job_ids(hints)

    def test_a_pull_gives_at_most_what_was_asked_for_and_leaves_the_rest(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(some_hints(10))

            found = consumer.pull(max_messages=4, timeout_seconds=SOON_SECONDS)

            assert len(found) == 4
            wait_until(lambda: publisher.waiting("cpu") == 6, timeout_seconds=SOON_SECONDS, what="six wait")

    def test_a_busy_consumer_takes_nothing_between_pulls(self, broker: Broker) -> None:
        with (
            closing(broker.publisher()) as publisher,
            closing(broker.consumer(CPU)) as busy,
            closing(broker.consumer(CPU)) as idle,
        ):
            publisher.publish(some_hints(1))
            busy.acknowledge(busy.pull(max_messages=64, timeout_seconds=SOON_SECONDS))
            later = some_hints(20)
            publisher.publish(later)

            found = pull_all(idle, 20)

            assert sorted(job_ids(found)) == sorted(job_ids(later))

    def test_a_waiting_pull_gets_a_hint_as_soon_as_it_is_published(self, broker: Broker) -> None:
        with (
            closing(broker.publisher()) as publisher,
            closing(broker.consumer(CPU)) as consumer,
            ThreadPoolExecutor() as threads,
        ):
            waiting = threads.submit(consumer.pull, max_messages=1, timeout_seconds=SOON_SECONDS)

            publisher.publish(some_hints(1))

            assert len(waiting.result(SOON_SECONDS)) == 1

    def test_a_pull_gives_nothing_after_its_time(self, broker: Broker) -> None:
        with closing(broker.consumer(CPU)) as consumer:
            found = consumer.pull(max_messages=1, timeout_seconds=0.05)

            assert found == []

    def test_a_pull_for_nothing_is_refused(self, broker: Broker) -> None:
        with closing(broker.consumer(CPU)) as consumer, pytest.raises(ValueError, match="the least is 1"):
            consumer.pull(max_messages=0, timeout_seconds=1)

    def test_hints_of_other_routes_are_not_taken(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(some_hints(1, route="gpu"))

            found = consumer.pull(max_messages=1, timeout_seconds=0.1)

            assert found == []
            assert publisher.waiting("gpu") == 1

    def test_a_full_route_does_not_keep_another_out(self, broker: Broker) -> None:
        with (
            closing(broker.publisher()) as publisher,
            closing(broker.consumer(frozenset({"cpu", "large"}))) as consumer,
        ):
            publisher.publish(some_hints(50, route="cpu"))
            publisher.publish(some_hints(1, route="large"))

            found = consumer.pull(max_messages=10, timeout_seconds=SOON_SECONDS)
            consumer.acknowledge(found)
            found = [*found, *consumer.pull(max_messages=10, timeout_seconds=SOON_SECONDS)]

            assert "large" in {delivery.hint.route for delivery in found}

    def test_routes_may_change_while_a_pull_waits(self, broker: Broker) -> None:
        with (
            closing(broker.publisher()) as publisher,
            closing(broker.consumer(CPU)) as consumer,
            ThreadPoolExecutor() as threads,
        ):
            publisher.publish(some_hints(1, route="plugin.fake-plugin"))
            waiting = threads.submit(consumer.pull, max_messages=1, timeout_seconds=SOON_SECONDS)

            consumer.set_routes(frozenset({"cpu", "plugin.fake-plugin"}))

            assert len(waiting.result(SOON_SECONDS)) == 1

    def test_a_consumer_may_have_no_route_at_first(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher, closing(broker.consumer(frozenset())) as consumer:
            publisher.publish(some_hints(1))
            before = consumer.pull(max_messages=1, timeout_seconds=0.05)

            consumer.set_routes(CPU)

            assert before == []
            assert len(consumer.pull(max_messages=1, timeout_seconds=SOON_SECONDS)) == 1

    def test_what_was_not_acknowledged_goes_to_another_consumer(self, broker: Broker) -> None:
        hints = some_hints(3)
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as second:
            publisher.publish(hints)
            first = broker.consumer(CPU)
            found = first.pull(max_messages=3, timeout_seconds=SOON_SECONDS)
            first.acknowledge(found[:1])

            first.close()

            assert job_ids(pull_all(second, 2)) == job_ids(hints[1:])

    def test_acknowledged_hints_never_come_again(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher:
            publisher.publish(some_hints(3))
            with closing(broker.consumer(CPU)) as first:
                pull_all(first, 3)
            with closing(broker.consumer(CPU)) as second:
                assert second.pull(max_messages=3, timeout_seconds=0.2) == []

    def test_acknowledging_twice_does_no_harm(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(some_hints(2))
            found = consumer.pull(max_messages=2, timeout_seconds=SOON_SECONDS)

            consumer.acknowledge(found)
            consumer.acknowledge(found)

            publisher.publish(some_hints(1))
            assert len(pull_all(consumer, 1)) == 1

    def test_a_rejected_hint_is_not_delivered_again(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher, closing(broker.consumer(CPU)) as consumer:
            publisher.publish(some_hints(1))

            consumer.reject(consumer.pull(max_messages=1, timeout_seconds=SOON_SECONDS))

            assert consumer.pull(max_messages=1, timeout_seconds=0.2) == []
            assert publisher.waiting("cpu") == 0

    def test_waiting_counts_what_nobody_has_taken(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher:
            before = publisher.waiting("cpu")

            publisher.publish([*some_hints(4), *some_hints(2, route="gpu")])

            assert before == 0
            assert publisher.waiting("cpu") == 4

    def test_publishing_nothing_is_nothing(self, broker: Broker) -> None:
        with closing(broker.publisher()) as publisher:
            publisher.publish([])

            assert publisher.waiting("cpu") == 0

    def test_several_publishers_and_consumers_lose_and_repeat_nothing(self, broker: Broker) -> None:
        batches = [some_hints(50) for _ in range(4)]
        found: list[Delivery] = []
        lock = threading.Lock()
        is_done = threading.Event()

        def publish(batch: list[Hint]) -> None:
            with closing(broker.publisher()) as publisher:
                publisher.publish(batch)

        def consume() -> None:
            with closing(broker.consumer(CPU)) as consumer:
                while not is_done.is_set():
                    batch = consumer.pull(max_messages=7, timeout_seconds=0.2)
                    consumer.acknowledge(batch)
                    with lock:
                        found.extend(batch)

        with ThreadPoolExecutor() as threads:
            consumers = [threads.submit(consume) for _ in range(3)]
            try:
                for publishing in [threads.submit(publish, batch) for batch in batches]:
                    publishing.result(SOON_SECONDS)
                wait_until(lambda: len(found) >= 200, timeout_seconds=2 * SOON_SECONDS, what="all hints come out")
            finally:
                is_done.set()
            for consuming in consumers:
                consuming.result(SOON_SECONDS)

        assert sorted(job_ids(found)) == sorted(job_ids([hint for batch in batches for hint in batch]))

    def test_closing_a_consumer_ends_its_waiting_pull(self, broker: Broker) -> None:
        consumer = broker.consumer(CPU)
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(consumer.pull, max_messages=1, timeout_seconds=60)

            consumer.close()

            assert waiting.result(SOON_SECONDS) == []

    def test_a_closed_consumer_gives_nothing(self, broker: Broker) -> None:
        consumer = broker.consumer(CPU)
        consumer.close()

        assert consumer.pull(max_messages=1, timeout_seconds=60) == []

    @pytest.mark.parametrize(
        "action",
        [
            lambda broker: broker.ping(),
            lambda broker: broker.publisher().publish(some_hints(1)),
            lambda broker: broker.publisher().waiting("cpu"),
        ],
    )
    def test_a_closed_broker_is_unavailable(self, broker: Broker, action: Callable[[Broker], None]) -> None:
        broker.ping()
        broker.close()

        with pytest.raises(Unavailable, match="was closed"):
            action(broker)

    def test_everything_may_be_closed_twice(self, broker: Broker) -> None:
        consumer, publisher = broker.consumer(CPU), broker.publisher()

        for closable in (consumer, consumer, publisher, publisher, broker, broker):
            closable.close()
