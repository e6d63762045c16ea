"""Who waits for the results of many jobs, and how they get them: as soon as they are there."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import assert_never
from uuid import UUID

import structlog

from database.changes import Change, ChangeKind
from database.records import JobResult
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.result_pages import JOBS_AT_ONCE, Page, page_of, read_few, read_large, read_page
from jobs_server.transactions import Transactions
from jobs_server.watch import POLL_SECONDS
from qserver.batching import Batcher
from qserver.errors import RetryableError, Unavailable
from qserver.identity import Identity
from qserver.rpc.v1 import jobs_pb2

_log = structlog.get_logger(__name__)

FEW_JOBS = 8
"""So few of a call are read by one statement together with those of other calls."""

RETRY_SECONDS = 1.0
"""All jobs of a call are read again so soon after a reading that failed."""

Messages = AsyncGenerator[jobs_pb2.GetResultsResponse, None]


class ResultStreams:
    """All calls that read results of many jobs, and those of them that wait."""

    def __init__(
        self, transactions: Transactions, fresh_jobs: FreshJobs, *, poll_seconds: float = POLL_SECONDS
    ) -> None:
        """Have nobody wait yet. A change that nobody announced is seen after `poll_seconds`."""
        self._transactions = transactions
        self._fresh_jobs = fresh_jobs
        self._poll_seconds = poll_seconds
        self._waiting: dict[UUID, set[_Waiting]] = {}
        self._readings: Batcher[tuple[Identity, UUID], JobResult | None] = Batcher(
            self._read_few, delay_seconds=0, max_items=JOBS_AT_ONCE
        )

    async def as_they_stand(self, job_ids: Sequence[UUID], caller: Identity) -> Messages:
        """Answer for different jobs now, in order. Raises Unavailable where the database doesn't answer."""
        async for message in self._messages(job_ids, caller, self._new_waiting(())):
            yield message

    async def as_they_end(self, job_ids: Sequence[UUID], caller: Identity) -> Messages:
        """Answer for each of different jobs once it is over; ends when all are.

        Raises Unavailable where the database doesn't answer at first, and once this server stops.
        """
        with self._waiting_for(job_ids) as waiting:
            unknown = [job_id for job_id in job_ids if not self._fresh_jobs.waits(job_id, caller)]
            async for message in self._messages(unknown, caller, waiting):
                yield message
            while waiting.left:
                changed = await waiting.changed()
                try:
                    async for message in self._messages(changed, caller, waiting):
                        yield message
                except RetryableError:
                    _log.warning("results_wait_for_the_database", jobs=len(changed))
                    waiting.look_at_all(within_seconds=RETRY_SECONDS)

    def waiting_jobs(self) -> int:
        """Count the jobs whose results somebody waits for."""
        return len(self._waiting)

    def tell(self, change: Change) -> None:
        """Wake who waits for a job that ended; all where changes may have been missed. Called in the event loop."""
        match change.kind:
            case ChangeKind.ENDED:
                for job_id in self._waiting.keys() & set(change.job_ids):
                    for waiting in self._waiting[job_id]:
                        waiting.tell(job_id)
            case ChangeKind.RECONNECTED:
                for waiting in self._everybody():
                    waiting.look_at_all(within_seconds=0)
            case ChangeKind.JOBS | ChangeKind.STOPPED | ChangeKind.WORK | ChangeKind.PLUGINS | ChangeKind.ACCESS:
                pass
            case _:
                assert_never(change.kind)

    def close(self) -> None:
        """End every waiting call with Unavailable: this server stops, and another one has the rest."""
        for waiting in self._everybody():
            waiting.end(Unavailable("this server is stopping; ask again for the results that are still missing"))

    def _everybody(self) -> "set[_Waiting]":
        return set().union(*self._waiting.values())

    def _new_waiting(self, job_ids: Sequence[UUID]) -> "_Waiting":
        return _Waiting(job_ids, poll_seconds=self._poll_seconds)

    @contextmanager
    def _waiting_for(self, job_ids: Sequence[UUID]) -> "Iterator[_Waiting]":
        """Hear of every change of these jobs from now on: only then what is read next misses none."""
        waiting = self._new_waiting(job_ids)
        for job_id in job_ids:
            self._waiting.setdefault(job_id, set()).add(waiting)
        try:
            yield waiting
        finally:
            self._answered(waiting, tuple(waiting.left))

    def _answered(self, waiting: "_Waiting", job_ids: Iterable[UUID]) -> None:
        for job_id in waiting.left.keys() & set(job_ids):
            del waiting.left[job_id]
            together = self._waiting[job_id]
            together.remove(waiting)
            if not together:
                del self._waiting[job_id]

    async def _page(self, job_ids: Sequence[UUID], caller: Identity, waiting: "_Waiting") -> Page:
        later = waiting.left.keys()
        if len(job_ids) > FEW_JOBS:
            return await self._transactions.read(partial(read_page, job_ids, caller, later=later))
        found = await self._readings.submit([(caller, job_id) for job_id in job_ids])
        return page_of(job_ids, {result.job_id: result for result in found if result is not None}, later=later)

    async def _read_few(self, wanted: Sequence[tuple[Identity, UUID]]) -> Sequence[JobResult | None]:
        return await self._transactions.read(partial(read_few, wanted))

    async def _messages(self, job_ids: Sequence[UUID], caller: Identity, waiting: "_Waiting") -> Messages:
        """Read jobs part by part; of those that are waited for, only what is over."""
        for part in _parts(job_ids):
            page = await self._page(part, caller, waiting)
            self._answered(waiting, page.answered)
            for message in page.messages:
                yield message
            for job_id in page.large:
                message = await self._transactions.read(partial(read_large, job_id, caller))
                self._answered(waiting, [job_id])
                yield message


class _Waiting:
    """One call that waits: which jobs are left, and which of them may be over by now."""

    def __init__(self, job_ids: Sequence[UUID], *, poll_seconds: float) -> None:
        self.left = dict.fromkeys(job_ids)
        self._poll_seconds = poll_seconds
        self._look_at_all_at = _now() + poll_seconds
        self._changed: dict[UUID, None] = {}
        self._fault: Exception | None = None
        self._woken = asyncio.Event()

    def tell(self, job_id: UUID) -> None:
        """Have a job read soon."""
        self._changed[job_id] = None
        self._woken.set()

    def look_at_all(self, *, within_seconds: float) -> None:
        """Have every job read within that time."""
        self._look_at_all_at = min(self._look_at_all_at, _now() + within_seconds)
        self._woken.set()

    def end(self, fault: Exception) -> None:
        """Let `changed` raise `fault`."""
        self._fault = fault
        self._woken.set()

    async def changed(self) -> Sequence[UUID]:
        """Give jobs that changed since the last call, as soon as there are any; now and then all that are left.

        The time of that doesn't move when some change: what nobody announced would wait for as long as others do.
        """
        while self._fault is None and not self._changed and _now() < self._look_at_all_at:
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._look_at_all_at):
                    await self._woken.wait()
        if self._fault is not None:
            raise self._fault
        if _now() >= self._look_at_all_at:
            self._look_at_all_at = _now() + self._poll_seconds
            self._changed.update(self.left)
        changed = [job_id for job_id in self._changed if job_id in self.left]
        self._changed.clear()
        return changed


def _now() -> float:
    return asyncio.get_running_loop().time()


def _parts(job_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (job_ids[start : start + JOBS_AT_ONCE] for start in range(0, len(job_ids), JOBS_AT_ONCE))
