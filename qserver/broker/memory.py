"""The broker of standalone: queues in this process's memory. It ships, and passes the same tests as RabbitMQ's."""

import itertools
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from qserver.broker.interface import Delivery, Hint, Tag
from qserver.errors import Unavailable

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Queues:
    """What all publishers and consumers of one broker share; touched only under `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    ready: defaultdict[str, deque[Hint]] = field(default_factory=lambda: defaultdict(deque))
    is_open: bool = True

    def take(self, routes: Iterable[str], max_messages: int) -> list[Hint]:
        """Take the oldest of each route, turn by turn, until there is no more or enough."""
        taken: list[Hint] = []
        queues = [self.ready[route] for route in sorted(routes)]
        while len(taken) < max_messages and any(queues):
            taken.extend(queue.popleft() for queue in queues if queue)
        self.give_back(taken[max_messages:])
        return taken[:max_messages]

    def give_back(self, hints: Sequence[Hint]) -> None:
        """Put hints back where they were, in front of what waits."""
        for hint in reversed(hints):
            self.ready[hint.route].appendleft(hint)

    def require_open(self) -> None:
        """Raise Unavailable once the broker was closed."""
        if not self.is_open:
            raise Unavailable("the broker in memory was closed")


class MemoryPublisher:
    """Appends to the queues."""

    def __init__(self, queues: _Queues) -> None:
        """Publish to `queues`."""
        self._queues = queues

    def publish(self, hints: Sequence[Hint]) -> None:
        """Append them and wake whoever pulls. Raises Unavailable once the broker was closed."""
        with self._queues.changed:
            self._queues.require_open()
            for hint in hints:
                self._queues.ready[hint.route].append(hint)
            self._queues.changed.notify_all()

    def waiting(self, route: str) -> int:
        """Count what nobody has taken. Raises Unavailable once the broker was closed."""
        with self._queues.changed:
            self._queues.require_open()
            return len(self._queues.ready[route])

    def connection_generation(self) -> int:
        """Give 0: memory is never lost and found again."""
        return 0

    def close(self) -> None:
        """Do nothing: there is no connection."""


class MemoryConsumer:
    """Pops from the queues, and remembers what was not acknowledged yet."""

    def __init__(self, queues: _Queues, routes: frozenset[str]) -> None:
        """Consume `routes`."""
        self._queues = queues
        self._routes = routes
        self._is_open = True
        self._numbers = itertools.count(1)
        self._unacknowledged: dict[Tag, Hint] = {}

    def pull(self, *, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        """Wait for the first hint, then take what is there, at most `max_messages`."""
        if max_messages < 1:
            raise ValueError(f"max_messages is {max_messages}; the least is 1")
        deadline = time.monotonic() + timeout_seconds
        with self._queues.changed:
            while self._is_open and self._queues.is_open:
                if hints := self._queues.take(self._routes, max_messages):
                    return [self._lend(hint) for hint in hints]
                if not self._queues.changed.wait(deadline - time.monotonic()):
                    break
        return []

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Forget them."""
        with self._queues.changed:
            for delivery in deliveries:
                self._unacknowledged.pop(delivery.tag, None)

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        """Drop them with a line in the log: no process outlives this queue, so none could look into it later."""
        for delivery in deliveries:
            _log.warning(
                "hint_rejected", route=delivery.hint.route, job_ids=[str(job_id) for job_id in delivery.hint.job_ids]
            )
        self.acknowledge(deliveries)

    def set_routes(self, routes: frozenset[str]) -> None:
        """Take from these routes from now on."""
        with self._queues.changed:
            self._routes = routes
            self._queues.changed.notify_all()

    def close(self) -> None:
        """End a waiting pull and give back what was not acknowledged."""
        with self._queues.changed:
            self._is_open = False
            self._queues.give_back(list(self._unacknowledged.values()))
            self._unacknowledged.clear()
            self._queues.changed.notify_all()

    def _lend(self, hint: Hint) -> Delivery:
        tag = Tag(pull=0, number=next(self._numbers))
        self._unacknowledged[tag] = hint
        return Delivery(hint=hint, tag=tag)


class MemoryBroker:
    """Queues that live as long as this object. After a restart the dispatcher publishes again what is pending."""

    def __init__(self) -> None:
        """Start with no hint."""
        self._queues = _Queues()

    def publisher(self) -> MemoryPublisher:
        """Make a publisher."""
        return MemoryPublisher(self._queues)

    def consumer(self, routes: frozenset[str]) -> MemoryConsumer:
        """Make a consumer of these routes."""
        return MemoryConsumer(self._queues, routes)

    def ping(self) -> None:
        """Return while the broker is open. Raises Unavailable once it was closed."""
        with self._queues.changed:
            self._queues.require_open()

    def close(self) -> None:
        """End every waiting pull; nothing can be published any more."""
        with self._queues.changed:
            self._queues.is_open = False
            self._queues.changed.notify_all()
