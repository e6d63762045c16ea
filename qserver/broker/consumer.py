"""Takes hints from RabbitMQ, only while somebody pulls."""

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

import structlog

from qserver.broker.channel import Channel
from qserver.broker.connection import Connection
from qserver.broker.interface import Delivery
from qserver.broker.link import Link
from qserver.broker.queues import declare_dead_letters, declare_route, queue_name
from qserver.broker.visit import Visit
from qserver.broker.visited_channel import VisitedChannel
from qserver.errors import Unavailable

_log = structlog.get_logger(__name__)
_PAUSE_SECONDS = 0.5
"""Between visits that failed although the connection is open: nothing that ails a queue goes away faster."""


class RabbitMQConsumer:
    """A consumer with a link of its own, so that its deliveries never wait behind what others publish."""

    def __init__(self, link: Link, routes: frozenset[str], *, declares: bool = True) -> None:
        """Consume `routes` over `link`, which is closed with this consumer.

        One that may not make queues (`declares`) takes from those that are there, and looks for the others each time.
        """
        self._declares = declares
        self._link = link
        self._routes = routes
        self._is_open = True
        self._numbers = itertools.count(1)
        self._visits: dict[int, Visit] = {}
        self._declared: tuple[Connection, frozenset[str]] | None = None
        self._visited: tuple[Connection, VisitedChannel] | None = None
        self._turn = asyncio.Lock()  # pulls from several threads come one after another
        self._news = asyncio.Event()

    def pull(self, *, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        """Wait for the first hint, then take what is there, at most `max_messages`."""
        if max_messages < 1:
            raise ValueError(f"max_messages is {max_messages}; the least is 1")
        try:
            return self._link.call(
                lambda: self._pull(max_messages, timeout_seconds),
                limit_seconds=timeout_seconds + self._link.timeout_seconds,
            )
        except Unavailable as error:
            _log.debug("pull_ended", reason=error.message)
            return []

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Remove them from their queues."""
        self._link.post(lambda: self._settle(deliveries, Visit.acknowledge))

    def reject(self, deliveries: Sequence[Delivery]) -> None:
        """Move them to the dead letters."""
        for delivery in deliveries:
            _log.warning(
                "hint_rejected", route=delivery.hint.route, job_ids=[str(job_id) for job_id in delivery.hint.job_ids]
            )
        self._link.post(lambda: self._settle(deliveries, Visit.reject))

    def set_routes(self, routes: frozenset[str]) -> None:
        """Take from these routes from now on."""
        if routes != self._routes:
            self._routes = routes
            self._link.post(self._news.set)

    def close(self) -> None:
        """End a waiting pull and close the link, which gives back what is on loan."""
        self._is_open = False
        self._link.post(self._news.set)
        self._link.close()

    async def _pull(self, max_messages: int, timeout_seconds: float) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        async with self._turn:
            while self._is_open:
                try:
                    deliveries = await self._visit(max_messages, deadline)
                except Unavailable as error:
                    _log.warning("pull_failed", reason=error.message)
                    self._declared = None
                    await self._wait_until(lambda: not self._is_open, min(deadline, loop.time() + _PAUSE_SECONDS))
                    deliveries = []
                if deliveries or loop.time() >= deadline:
                    return deliveries
        return []

    async def _visit(self, max_messages: int, deadline: float) -> Sequence[Delivery]:
        """Visit the queues once. Gives nothing at the deadline, or when something has changed that ends the visit."""
        connection = await self._connection(deadline)
        if connection is None:
            return []
        routes = self._routes
        visited = await self._channel_for_visit(connection)
        try:
            visit = self._new_visit(visited, max_messages)
            await visit.begin(sorted(await self._ensure(connection, visited.channel, routes)))
            await self._wait_until(lambda: visit.has_news or self._routes != routes or not self._is_open, deadline)
            if not visit.is_over:
                return await visit.finish()
        except BaseException:
            visited.abandon()
            raise
        visited.abandon()
        self._declared = None
        return []

    async def _channel_for_visit(self, connection: Connection) -> VisitedChannel:
        """Give the channel of the last visit, or a new one where that was on another connection, or has seen enough."""
        if self._visited is not None:
            kept_connection, visited = self._visited
            if kept_connection is connection and visited.begin_visit():
                return visited
            visited.give_up()
        visited = VisitedChannel(await connection.open_channel(), wake=self._news.set)
        visited.channel.on_closed(lambda: self._forget(visited))
        visited.begin_visit()
        self._visited = (connection, visited)
        return visited

    async def _connection(self, deadline: float) -> Connection | None:
        """Wait for the connection; gives None at the deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return await self._link.opened()
        return None

    def _new_visit(self, visited: VisitedChannel, max_messages: int) -> Visit:
        number = next(self._numbers)
        self._visits = {kept: visit for kept, visit in self._visits.items() if not visit.is_settled}
        self._visits[number] = Visit(visited, number=number, max_messages=max_messages, wake=self._news.set)
        return self._visits[number]

    def _forget(self, visited: VisitedChannel) -> None:
        """Ignore what is said from now on of hints of a channel that is gone: they are in their queues again."""
        self._visits = {number: visit for number, visit in self._visits.items() if not visit.is_of(visited)}

    async def _ensure(self, connection: Connection, channel: Channel, routes: frozenset[str]) -> frozenset[str]:
        """Give the routes that have queues, once on this connection unless something has gone wrong since."""
        if self._declared == (connection, routes):
            return routes
        if self._declares:
            await declare_dead_letters(channel)
            for route in sorted(routes):
                await declare_route(channel, route)
            self._declared = (connection, routes)
            return routes
        there = frozenset([route for route in sorted(routes) if await _has_queue(connection, route)])
        if there == routes:
            self._declared = (connection, routes)
        return there

    async def _wait_until(self, is_met: Callable[[], bool], deadline: float) -> None:
        """Look again after each news; give up at the deadline without a word."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                while not is_met():
                    self._news.clear()
                    await self._news.wait()

    def _settle(self, deliveries: Sequence[Delivery], settle: Callable[[Visit, Collection[int]], None]) -> None:
        by_pull: defaultdict[int, list[int]] = defaultdict(list)
        for delivery in deliveries:
            by_pull[delivery.tag.pull].append(delivery.tag.number)
        for pull, numbers in by_pull.items():
            if visit := self._visits.get(pull):
                settle(visit, numbers)


async def _has_queue(connection: Connection, route: str) -> bool:
    """Look on a channel of its own: the broker closes one that has asked for what isn't there."""
    channel = await connection.open_channel()
    try:
        await channel.find_queue(queue_name(route))
    except Unavailable:
        return False
    channel.close()
    return True
