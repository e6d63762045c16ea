"""Following jobs: each watched job is read once per change, however many watch it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import assert_never
from uuid import UUID

import structlog

from database.changes import Change, ChangeKind
from jobs_server.transactions import Transactions
from qserver.errors import RetryableError, Unavailable
from qserver.identity import Identity
from qserver.jobs import JobEvent

_log = structlog.get_logger(__name__)

POLL_SECONDS = 15.0
"""A change that nobody announced is seen this late: the backstop, not the way."""


class Watches:
    """All jobs that somebody watches."""

    def __init__(self, transactions: Transactions, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Watch nothing yet."""
        self._transactions = transactions
        self._poll_seconds = poll_seconds
        self._watched: dict[UUID, _WatchedJob] = {}

    async def events(self, job_id: UUID, caller: Identity, *, after_sequence: int) -> AsyncGenerator[JobEvent, None]:
        """Give the job's events after a sequence number: those that were, then each as it comes, up to the final one.

        Raises NotFound where the caller has no such job, also while watching, once it was deleted.
        """
        await self._transactions.read(lambda transaction: transaction.jobs.get(job_id, caller))
        watched = self._join(job_id, caller)
        try:
            async for event in watched.events(after_sequence):
                yield event.shown_to(caller)
        finally:
            self._leave(job_id, watched)

    @property
    def is_anybody_there(self) -> bool:
        """Whether anybody watches a job."""
        return bool(self._watched)

    def watchers(self, job_id: UUID) -> int:
        """Count who watches a job."""
        return self._watched[job_id].watchers if job_id in self._watched else 0

    def tell(self, change: Change) -> None:
        """Wake who watches a changed job; all of them where changes may have been missed. Called in the event loop."""
        match change.kind:
            case ChangeKind.JOBS | ChangeKind.ENDED:
                # Through the smaller of both: a batch of 1,000 jobs, few of them watched, or the other way round.
                for job_id in self._watched.keys() & set(change.job_ids):
                    self._watched[job_id].wake()
            case ChangeKind.RECONNECTED:
                for watched in self._watched.values():
                    watched.wake()
            case ChangeKind.STOPPED | ChangeKind.WORK | ChangeKind.PLUGINS | ChangeKind.ACCESS:
                pass
            case _:
                assert_never(change.kind)

    def close(self) -> None:
        """End every watch with Unavailable: this server stops, and another one goes on from the last event seen."""
        for watched in self._watched.values():
            watched.end(Unavailable("this server is stopping; watch again from the last event seen"))

    def _join(self, job_id: UUID, caller: Identity) -> "_WatchedJob":
        if job_id not in self._watched:
            self._watched[job_id] = _WatchedJob(job_id, caller, self._transactions, poll_seconds=self._poll_seconds)
        watched = self._watched[job_id]
        watched.watchers += 1
        return watched

    def _leave(self, job_id: UUID, watched: "_WatchedJob") -> None:
        watched.watchers -= 1
        if not watched.watchers:
            watched.close()
            if self._watched.get(job_id) is watched:
                del self._watched[job_id]


class _WatchedJob:
    """One job: a task reads its events, and those who watch it wait for the task."""

    def __init__(self, job_id: UUID, caller: Identity, transactions: Transactions, *, poll_seconds: float) -> None:
        self.watchers = 0
        self._job_id = job_id
        self._caller = caller  # the first watcher; each was found to see the job before it joined
        self._transactions = transactions
        self._poll_seconds = poll_seconds
        self._events: list[JobEvent] = []
        self._fault: Exception | None = None
        self._woken = asyncio.Event()
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    def wake(self) -> None:
        """Read again soon."""
        self._woken.set()

    def close(self) -> None:
        """Stop reading: nobody watches any more."""
        self._reader.cancel()

    def end(self, fault: Exception) -> None:
        """Let every watcher raise `fault`, once it has the events that are known."""
        self._fault = fault
        self._announce()

    async def events(self, after_sequence: int) -> AsyncGenerator[JobEvent, None]:
        """Give events as they become known, up to the final one. Raises what ended the reading."""
        while True:
            news = self._news  # taken before looking: what comes while we look is not missed
            unseen = [event for event in self._events if event.sequence > after_sequence]
            for event in unseen:
                after_sequence = event.sequence
                yield event
            if unseen:
                continue  # more may have come while these were sent, the final one too
            if self._is_over:
                return
            if self._fault is not None:
                raise self._fault
            await news.wait()

    @property
    def _is_over(self) -> bool:
        return bool(self._events) and self._events[-1].status.is_final

    async def _read(self) -> None:
        try:
            await self._read_events()
            while not self._is_over:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_seconds):
                        await self._woken.wait()
                self._woken.clear()
                await self._read_events()
        except Exception as error:  # noqa: BLE001 - it belongs to the watchers, who raise it
            self.end(error)

    async def _read_events(self) -> None:
        after = self._events[-1].sequence if self._events else 0
        try:
            found = await self._transactions.read(
                lambda transaction: transaction.jobs.followed_events(self._job_id, self._caller, after_sequence=after)
            )
        except RetryableError:
            _log.warning("watch_waits_for_the_database", job_id=str(self._job_id))
            return
        if found:
            self._events.extend(found)
            self._announce()

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
