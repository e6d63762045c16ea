"""Replaces queues that no longer answer."""

import asyncio
from collections import Counter
from collections.abc import Iterable

import structlog

from qserver.broker.link import Link
from qserver.broker.queues import queue_name
from qserver.errors import Unavailable

_PATIENCE = 2
"""Silent publishings in a row after which a queue is given up."""

_log = structlog.get_logger(__name__)


class SilentQueues:
    """Counts silences by route, and deletes a queue that is silent again; the next publishing makes it anew.

    A RabbitMQ that is killed within a second of making a quorum queue forgets the queue's server but not its name (seen
    on 3.10, 4 times of 4): declaring it succeeds for ever after, publishing is never confirmed and consuming never
    begins. Deleting it loses nothing that matters: hints are published again from what is pending.
    """

    def __init__(self, link: Link) -> None:
        """Know of no silence."""
        self._link = link
        self._silences: Counter[str] = Counter()
        self._replacements: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly

    def note(self, *, silent: Iterable[str], answering: Iterable[str]) -> None:
        """Note which routes confirmed a publishing and which did not."""
        for route in answering:
            self._silences.pop(route, None)
        for route in silent:
            self._silences[route] += 1
            if self._silences[route] >= _PATIENCE:
                del self._silences[route]
                self._begin_replacement(route)

    def _begin_replacement(self, route: str) -> None:
        task = asyncio.get_running_loop().create_task(self._delete(route))
        self._replacements.add(task)
        task.add_done_callback(self._replacements.discard)

    async def _delete(self, route: str) -> None:
        try:
            connection = await self._link.connection()
            if connection.blocked_reason:
                return  # short of memory or disk, every queue is silent
            channel = await connection.open_channel()
            await channel.delete_queue(queue_name(route))
            channel.close()
        except Unavailable as error:
            _log.warning("silent_queue_not_deleted", route=route, reason=error.message)
        else:
            _log.warning("silent_queue_deleted", route=route)
