"""Publishes hints to RabbitMQ so that none is lost without somebody being told."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from qserver.broker.channel import Channel
from qserver.broker.confirms import Batch, Confirms
from qserver.broker.interface import Hint
from qserver.broker.link import Link
from qserver.broker.queues import declare_dead_letters, declare_route, encode, queue_name
from qserver.broker.silent_queues import SilentQueues
from qserver.errors import Unavailable

# Before each try. A hint comes back when somebody has deleted its queue, which is then made again; and a quorum queue
# refuses hints while it elects its leader, as a new one does (seen on 3.10: the first hint of four publishers at once).
_PAUSES_SECONDS = (0.0, 0.05, 0.2, 1.0)


def _routes(hints: Sequence[Hint]) -> set[str]:
    return {hint.route for hint in hints}


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the broker did not do with published hints."""

    not_taken: Sequence[Hint]  # refused, or their queue is gone
    missing: Sequence[Hint]  # neither confirmed nor refused in time


class _PublishingChannel:
    """A channel in confirm mode, the routes declared on it, and the answers that are awaited."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.confirms = Confirms()
        self.routes: set[str] = set()

    async def prepare(self) -> None:
        """Turn confirms on and make the queue for dead letters."""
        await self.channel.confirm(self.confirms.settle, lambda message_id: self.confirms.come_back(int(message_id)))
        await declare_dead_letters(self.channel)

    async def declare(self, route: str) -> int:
        """Make the route's queue; gives what is ready in it."""
        ready = await declare_route(self.channel, route)
        self.routes.add(route)
        return ready

    async def publish(self, hints: Sequence[Hint], *, limit_seconds: float) -> _Answers:
        """Publish all, then wait for all answers, or for as many as come in time. Raises Unavailable."""
        batch = Batch(done=asyncio.get_running_loop().create_future())
        numbered = {self.confirms.add(batch): hint for hint in hints}
        for number, hint in numbered.items():
            self.channel.publish(queue_name(hint.route), encode(hint), str(number))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_seconds):
                await self.channel.answered(batch.done)
        answers = _Answers(
            not_taken=[numbered[number] for number in sorted(batch.not_taken)],
            missing=[numbered[number] for number in sorted(batch.open_numbers)],
        )
        self.routes -= _routes(answers.not_taken) | _routes(answers.missing)
        return answers


class RabbitMQPublisher:
    """A publisher on a link that it shares with others."""

    def __init__(self, link: Link) -> None:
        """Publish over `link`; the channel is opened on first use."""
        self._link = link
        self._current: _PublishingChannel | None = None
        self._opening = asyncio.Lock()
        self._silent_queues = SilentQueues(link)

    def publish(self, hints: Sequence[Hint]) -> None:
        """Return when the broker has confirmed all; they are in flight together. Raises Unavailable."""
        if hints:
            self._link.call(lambda: self._publish(hints))

    def waiting(self, route: str) -> int:
        """Count the ready hints of a route. Raises Unavailable."""
        return self._link.call(lambda: self._waiting(route))

    def connection_generation(self) -> int:
        """Give how many times the connection was lost and made anew."""
        return self._link.generation

    def close(self) -> None:
        """Close the channel; the link stays."""
        self._link.post(self._close)

    async def _publish(self, hints: Sequence[Hint]) -> None:
        publishing = await self._channel()
        for pause_seconds in _PAUSES_SECONDS:
            await asyncio.sleep(pause_seconds)
            for route in sorted(_routes(hints) - publishing.routes):
                await publishing.declare(route)
            answers = await publishing.publish(hints, limit_seconds=self._link.timeout_seconds / 2)
            silent = _routes(answers.missing)
            self._silent_queues.note(silent=silent, answering=_routes(hints) - silent)
            if silent:
                self._close()  # RabbitMQ works off a channel's calls one by one: the next would wait behind this one
                raise self._not_done("confirm", answers.missing)
            hints = answers.not_taken
            if not hints:
                return
        raise self._not_done("take", hints)

    def _not_done(self, verb: str, hints: Sequence[Hint]) -> Unavailable:
        routes = ", ".join(sorted(_routes(hints)))
        return Unavailable(f"RabbitMQ at {self._link.place} did not {verb} {len(hints)} hints of the routes {routes}")

    async def _waiting(self, route: str) -> int:
        return await (await self._channel()).declare(route)

    async def _channel(self) -> _PublishingChannel:
        async with self._opening:
            connection = await self._link.connection()
            if self._current is None or not self._current.channel.is_open:
                opened = _PublishingChannel(await connection.open_channel())
                await opened.prepare()
                self._current = opened
            return self._current

    def _close(self) -> None:
        if self._current is not None:
            self._current.channel.close()
            self._current = None
