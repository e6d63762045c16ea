"""How routes become queues, and hints become messages."""

from collections.abc import Mapping
from uuid import UUID

from qserver.broker.channel import Channel
from qserver.broker.interface import Hint

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
    """Give the body of the hint's message: the job's id as text, so that people can read it in a queue."""
    return str(hint.job_id).encode("ascii")


def decode(route: str, body: bytes) -> Hint:
    """Read a message's body. Raises ValueError where it isn't a job's id."""
    return Hint(route=route, job_id=UUID(body.decode("ascii")))
