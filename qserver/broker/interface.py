"""What services know of the broker: hints go in by route and come out once, most of the time.

A hint says which jobs to look at next and nothing more. Postgres alone decides what becomes of a job, so a hint may be
delivered twice or lost without harm: the dispatcher publishes again what stays pending.

Every method blocks, is bounded in time, and may be called from any thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

MAX_HINT_JOBS = 16
"""Jobs of one hint, at most. A message costs broker and worker more than a small job's place in the database."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A message: look at these jobs, 1 to MAX_HINT_JOBS, in this order.

    `route` is the queue's name in our words (`cpu`, `gpu`, `plugin.fake-plugin`).
    """

    route: str
    job_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """Names one delivery to the consumer that made it; means nothing to anybody else."""

    pull: int
    number: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A hint on loan: it goes back to its queue if the consumer closes or dies before it was acknowledged."""

    hint: Hint
    tag: Tag


class Publisher(Protocol):
    """Puts hints into the queues of their routes."""

    def publish(self, hints: Sequence[Hint]) -> None:
        """Return when the broker holds every one of them safely; queues that don't exist yet are made.

        Raises Unavailable where that is not certain: some may have been taken, and all may be published again.
        """

    def waiting(self, route: str) -> int:
        """Count the hints in the route's queue that no consumer has taken. Raises Unavailable."""

    def connection_generation(self) -> int:
        """Give a number that rises each time the broker was lost and found again: publish again what may be missing."""

    def close(self) -> None:
        """Give the connection back. Safe to repeat."""


class Consumer(Protocol):
    """Takes hints from the queues of its routes, and only while somebody pulls."""

    def pull(self, *, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        """Wait until there is a hint, then take what is there already, at most `max_messages` (1 or more).

        Gives nothing after `timeout_seconds`, also where the broker is away (it is looked for meanwhile), and at once
        when the consumer closes. Between pulls nothing is taken: what waits stays there for other workers.
        """

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Remove them from their queues for good. Those that went back meanwhile will simply come again."""

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        """Move hints that nobody can make sense of to the dead-letter queue."""

    def set_routes(self, routes: frozenset[str]) -> None:
        """Take from these routes only; a pull that waits goes on with them at once."""

    def close(self) -> None:
        """End a waiting pull and give back what was not acknowledged. Safe to repeat."""


class Broker(Protocol):
    """Where hints travel."""

    def publisher(self) -> Publisher:
        """Make a publisher; close it after use."""

    def consumer(self, routes: frozenset[str]) -> Consumer:
        """Make a consumer of these routes; close it after use."""

    def ping(self) -> None:
        """Return if the broker answers. Raises Unavailable with the reason."""

    def close(self) -> None:
        """Close every publisher and consumer too. Safe to repeat."""
