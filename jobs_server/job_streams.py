"""Who follows their list of jobs: the newest at first, then each that is new or changes."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from database import Transaction
from database.changes import Change, ChangeKind
from jobs_server.owned_jobs import OwnedJobs
from jobs_server.transactions import Transactions
from jobs_server.watch import POLL_SECONDS
from qserver.errors import RetryableError, Unavailable
from qserver.identity import Identity
from qserver.jobs import Job, JobStatus
from qserver.rpc.v1 import jobs_pb2

_log = structlog.get_logger(__name__)

FIRST_JOBS = 500
"""So many of the newest jobs are sent at first, and looked at again where changes may have been missed."""
GATHER_SECONDS = 0.5
"""What changes within that time of a reading is read together."""

_JOBS_A_READING = 500
_NEW_JOBS_A_PAGE = 100
_REMEMBERED_JOBS = 5000
_MESSAGE_BYTES = 256 * 1024

Messages = AsyncGenerator[jobs_pb2.WatchJobsResponse, None]
Statuses = frozenset[JobStatus]


class JobStreams:
    """All lists of jobs that somebody follows. Used from one event loop."""

    def __init__(
        self, transactions: Transactions, *, poll_seconds: float = POLL_SECONDS, gather_seconds: float = GATHER_SECONDS
    ) -> None:
        """Have nobody follow yet. A change that nobody announced is seen after `poll_seconds`."""
        self._transactions = transactions
        self._poll_seconds = poll_seconds
        self._gather_seconds = gather_seconds
        self._followers: set[_Follower] = set()

    async def messages(self, caller: Identity, statuses: Statuses) -> Messages:
        """Give the caller's newest jobs, then each that is new or changed; only those in `statuses`, if any.

        Raises Unavailable where the database doesn't answer at first, and once this server stops.
        """
        follower = _Follower(self._poll_seconds)
        self._followers.add(follower)  # before the first reading: what changes meanwhile is not missed
        list_ = _List(caller, statuses)
        try:
            found = await self._owned(await self._transactions.read(list_.newest), caller)
            for message in _messages(list_.unseen(found), is_live=True):
                yield message
            while True:
                news = await follower.news()
                try:
                    found = await self._owned(await self._read(list_, news), caller)
                except RetryableError:
                    _log.warning("job_list_waits_for_the_database", jobs=len(news.changed))
                    follower.tell(news)
                    found = OwnedJobs((), {})
                for message in _messages(list_.unseen(found)):
                    yield message
                await asyncio.sleep(self._gather_seconds)
        finally:
            self._followers.discard(follower)

    def followers(self) -> int:
        """Count who follows."""
        return len(self._followers)

    def tell(self, change: Change) -> None:
        """Let who follows look at what changed. Called in the event loop."""
        match change.kind:
            case ChangeKind.JOBS | ChangeKind.ENDED:
                self._tell(_News(change.job_ids))
            case ChangeKind.WORK:
                self._tell(_News(are_there_new=True))
            case ChangeKind.RECONNECTED:
                self._tell(_News(were_some_missed=True))
            case _:  # of plugins and users no list of jobs tells
                return

    def close(self) -> None:
        """End every list with Unavailable: this server stops, and another one goes on."""
        for follower in self._followers:
            follower.end(Unavailable("this server is stopping; follow the jobs again in a moment"))

    def _tell(self, news: "_News") -> None:
        for follower in self._followers:
            follower.tell(news)

    async def _owned(self, jobs: Sequence[Job], caller: Identity) -> OwnedJobs:
        return await self._transactions.read(lambda transaction: OwnedJobs.read(transaction, jobs, caller))

    async def _read(self, list_: "_List", news: "_News") -> list[Job]:
        found: list[Job] = []
        if news.were_some_missed:
            found += await self._transactions.read(list_.newest)
        if news.were_some_missed or news.are_there_new:
            found += await self._transactions.read(list_.new)
        for start in range(0, len(news.changed), _JOBS_A_READING):
            part = news.changed[start : start + _JOBS_A_READING]
            found += await self._transactions.read(partial(list_.named, part))
        return found


@dataclass(frozen=True, slots=True)
class _News:
    """What there is to look at."""

    changed: Sequence[UUID] = ()
    are_there_new: bool = False
    were_some_missed: bool = False


class _Follower:
    """One call: what it has not looked at yet."""

    def __init__(self, poll_seconds: float) -> None:
        self._poll_seconds = poll_seconds
        self._told: list[_News] = []
        self._fault: Exception | None = None
        self._woken = asyncio.Event()

    def tell(self, news: _News) -> None:
        """Have it looked at soon."""
        self._told.append(news)
        self._woken.set()

    def end(self, fault: Exception) -> None:
        """Let `news` raise `fault`."""
        self._fault = fault
        self._woken.set()

    async def news(self) -> _News:
        """Give what there is to look at, as soon as there is anything; now and then look at all."""
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            self._told.append(_News(were_some_missed=True))
        if self._fault is not None:
            raise self._fault
        told, self._told = self._told, []
        self._woken.clear()
        return _News(
            tuple(dict.fromkeys(job_id for news in told for job_id in news.changed)),
            are_there_new=any(news.are_there_new for news in told),
            were_some_missed=any(news.were_some_missed for news in told),
        )


class _List:
    """One caller's jobs: how they are read, and which have been sent as they are."""

    def __init__(self, caller: Identity, statuses: Statuses) -> None:
        self._caller = caller
        self._statuses = statuses
        self._sent: OrderedDict[UUID, int] = OrderedDict()  # number of the last event
        self._oldest_pointer: int | None = None
        self._newest_pointer = 0

    def newest(self, transaction: Transaction) -> Sequence[Job]:
        """Read the newest jobs, but for older ones that moved up where some of them were deleted."""
        found = transaction.jobs.list(self._caller, limit=FIRST_JOBS, newest_first=True, statuses=self._statuses)
        if self._oldest_pointer is None:
            self._oldest_pointer = found[-1].pointer if found else 0
        return [job for job in found if job.pointer >= self._oldest_pointer]

    def new(self, transaction: Transaction) -> list[Job]:
        """Read the jobs that came after those that were read before, and some of those."""
        found: list[Job] = []
        before = None
        while before is None or before > self._newest_pointer:
            page = transaction.jobs.list(
                self._caller,
                limit=_NEW_JOBS_A_PAGE,
                newest_first=True,
                before_pointer=before,
                statuses=self._statuses,
            )
            found.extend(page)
            if len(page) < _NEW_JOBS_A_PAGE:
                break
            before = page[-1].pointer
        return found

    def named(self, job_ids: Sequence[UUID], transaction: Transaction) -> Sequence[Job]:
        """Read those of the jobs that the caller sees."""
        found = transaction.jobs.several(job_ids, self._caller)
        return [job for job in found if not self._statuses or job.status in self._statuses]

    def unseen(self, found: OwnedJobs) -> OwnedJobs:
        """Give what was not sent yet as it is now, in the order of submission."""
        unseen: dict[UUID, Job] = {}
        for job in sorted(found.jobs, key=lambda job: (job.pointer, job.event_sequence)):
            if self._sent.get(job.id) != job.event_sequence:
                unseen[job.id] = job
            self._sent[job.id] = job.event_sequence
            self._sent.move_to_end(job.id)
            self._newest_pointer = max(self._newest_pointer, job.pointer)
        while len(self._sent) > _REMEMBERED_JOBS:
            self._sent.popitem(last=False)
        return OwnedJobs(list(unseen.values()), found.names)


def _messages(jobs: OwnedJobs, *, is_live: bool = False) -> Iterator[jobs_pb2.WatchJobsResponse]:
    """Pack jobs into messages; `is_live` marks the last, and makes one where there are no jobs."""
    message, size_bytes = jobs_pb2.WatchJobsResponse(), 0
    for written in jobs.messages():
        job_bytes = written.ByteSize()
        if message.jobs and size_bytes + job_bytes > _MESSAGE_BYTES:
            yield message
            message, size_bytes = jobs_pb2.WatchJobsResponse(), 0
        message.jobs.append(written)
        size_bytes += job_bytes
    message.is_live = is_live
    if message.jobs or is_live:
        yield message
