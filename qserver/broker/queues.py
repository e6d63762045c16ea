"""How routes become queues, and hints become messages."""

from collections.abc import Mapping
from uuid import UUID

from qserver.broker.channel import Channel
from qserver.broker.interface import MAX_HINT_JOBS, Hint

DEAD_LETTERS = "qserver.dead"
"""Exchange and queue of messages that nobody can make sense of, kept for people to look at."""

# A hint is given back when a worker dies between taking and acknowledging it, or when it was sent beyond what the
# worker asked for; RabbitMQ before 4.3 counts both. Without a limit 4.x would drop a hint after 20 times, 3.10 never:
# with ours they agree. A hint that passes it loses no job, the dispatcher publishes it again.
_DELIVERY_LIMIT = 100

_QUORUM: Mapping[str, str | int] = {"x-queue-type": "quorum"}
_ROUTE_ARGUMENTS: Mapping[str, str | int] = {
    **_QUORUM,
    "x-delivery-limit": _DELIVERY_LIMIT,
    "x-dead-letter-exchange": DEAD_LETTERS,
}


def queue_name(route: str) -> str:
    """Give the name of the route's queue."""
    return f"qserver.{route}"


async def declare_dead_letters(channel: Channel) -> None:
    """Make exchange and queue for dead letters. Safe to repeat. Raises Unavailable."""
    await channel.declare_exchange(DEAD_LETTERS, "fanout")
    await channel.declare_queue(DEAD_LETTERS, _QUORUM)
    await channel.bind_queue(DEAD_LETTERS, DEAD_LETTERS)


async def declare_route(channel: Channel, route: str) -> int:
    """Make the route's queue and give the number of hints ready in it. Safe to repeat. Raises Unavailable."""
    return await channel.declare_queue(queue_name(route), _ROUTE_ARGUMENTS)


def encode(hint: Hint) -> bytes:
    """Give the body of the hint's message: the jobs' ids, a line each, so that people can read it in a queue."""
    return "\n".join(map(str, hint.job_ids)).encode("ascii")


def decode(route: str, body: bytes) -> Hint:
    """Read a message's body. Raises ValueError where it isn't ids of jobs."""
    lines = body.decode("ascii").split("\n")
    if len(lines) > MAX_HINT_JOBS:
        raise ValueError(f"it names {len(lines):,} jobs; the limit is {MAX_HINT_JOBS}")
    return Hint(route=route, job_ids=tuple(map(UUID, lines)))
