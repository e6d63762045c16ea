"""Live events: wakes the open streams of a job when the database announces that the job changed.

One subscription serves all streams, while there are any. An announcement only says that there is something to read:
what a stream sends, it reads from the database, so a lost announcement delays an event and never loses one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from database.changes import Change, ChangeFeed, ChangeKind, Subscription
from qserver.errors import Overloaded, QServerError, Unavailable


class Watch:
    """One stream's view of its job."""

    def __init__(self) -> None:
        """Begin with nothing announced."""
        self._changed = asyncio.Event()
        self.is_closed = False
        self.refusal: QServerError | None = None

    def wake(self) -> None:
        """Tell that the job may have changed."""
        self._changed.set()

    def close(self) -> None:
        """Tell that the service stops."""
        self.is_closed = True
        self.wake()

    def refuse(self, refusal: QServerError) -> None:
        """Tell that whoever follows the job may do so no longer."""
        self.refusal = refusal
        self.wake()

    async def wait(self, timeout_seconds: float) -> None:
        """Return when something was announced since the last call, or when time is up: then look anyway."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()


class EventHub:
    """All open streams. Used from one event loop; announcements come from the feed's thread."""

    def __init__(self, changes: ChangeFeed, *, max_streams: int) -> None:
        """Serve at most `max_streams` at once."""
        self._changes = changes
        self._max_streams = max_streams
        self._watches: defaultdict[UUID, set[Watch]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._subscription: Subscription | None = None
        self._is_closed = False
        self.open_streams = 0

    def start(self) -> None:
        """Listen for streams from now on, in the running event loop; without, they look every few seconds only."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End every stream, let none begin, and stop listening. Safe to repeat."""
        self._is_closed = True
        self._stop_listening()
        for watches in self._watches.values():
            for watch in watches:
                watch.close()

    @contextmanager
    def watch(self, job_id: UUID) -> Iterator[Watch]:
        """Follow one job. Raises Overloaded where too many streams are open, Unavailable where the service stops."""
        if self._is_closed:
            raise Unavailable("the service is stopping; follow the job again in a moment")
        if self.open_streams >= self._max_streams:
            raise Overloaded(f"{self.open_streams:,} event streams are open; the limit is QSERVER_EVENT_STREAMS")
        watch = Watch()
        self._watches[job_id].add(watch)
        self.open_streams += 1
        self._listen()
        try:
            yield watch
        finally:
            self.open_streams -= 1
            self._forget(job_id, watch)
            if not self.open_streams:
                self._stop_listening()

    def _listen(self) -> None:
        loop = self._loop
        if loop is None or self._subscription is not None:
            return

        def tell(change: Change) -> None:
            loop.call_soon_threadsafe(self._announce, change)

        self._subscription = self._changes.subscribe(tell, {ChangeKind.JOBS, ChangeKind.ENDED})

    def _stop_listening(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _forget(self, job_id: UUID, watch: Watch) -> None:
        self._watches[job_id].discard(watch)
        if not self._watches[job_id]:
            del self._watches[job_id]

    def _announce(self, change: Change) -> None:
        match change.kind:
            case ChangeKind.JOBS | ChangeKind.ENDED:
                self._wake(change.job_ids)
            case ChangeKind.RECONNECTED:
                self._wake(tuple(self._watches))
            case _:  # work and plugins are nobody's event
                return

    def _wake(self, job_ids: tuple[UUID, ...]) -> None:
        for job_id in job_ids:
            for watch in self._watches.get(job_id, ()):
                watch.wake()
