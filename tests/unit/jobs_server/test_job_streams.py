"""Following a list of jobs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from database.changes import Change, ChangeKind
from jobs_server.job_streams import FIRST_JOBS, JobStreams
from jobs_server.transactions import Transactions
from qserver.errors import Unavailable
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import JobStatus
from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import CountingDatabase, claim, new_job, worker
from tests.waiting import until

SECONDS = 20
Messages = AsyncIterator[jobs_pb2.WatchJobsResponse]


class Scene:
    """A list of jobs, and who follows it."""

    def __init__(self, database: CountingDatabase, *, poll_seconds: float = 60) -> None:
        self.database = database
        self.transactions = Transactions(database, threads=2)
        self.streams = JobStreams(self.transactions, poll_seconds=poll_seconds, gather_seconds=0.01)
        self.worker = worker()
        with database.transaction() as transaction:
            transaction.workers.register(self.worker)

    def follow(self, caller: Identity = ANONYMOUS, *statuses: JobStatus) -> Messages:
        return self.streams.messages(caller, frozenset(statuses))

    def submit(self, number: int = 1) -> Sequence[UUID]:
        new = [new_job() for _ in range(number)]
        with self.database.transaction() as transaction:
            transaction.jobs.submit(new)
        return [job.id for job in new]

    def run(self, *job_ids: UUID) -> None:
        claim(self.database, list(job_ids), self.worker)

    def delete(self, job_id: UUID) -> None:
        with self.database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)

    def tell(self, kind: ChangeKind, *job_ids: UUID) -> None:
        self.streams.tell(Change(kind, job_ids))


@pytest.fixture
async def scene(database: CountingDatabase) -> AsyncIterator[Scene]:
    made = Scene(database)
    yield made
    made.transactions.close()


async def next_of(messages: Messages) -> list[tuple[UUID, int]]:
    async with asyncio.timeout(SECONDS):
        message = await anext(messages)
    return [(UUID(job.id), job.status) for job in message.jobs]


async def test_the_newest_jobs_come_first_and_then_each_that_is_new_or_changes(scene: Scene) -> None:
    first, second = scene.submit(2)
    messages = scene.follow()

    before = await next_of(messages)
    (third,) = scene.submit()
    scene.tell(ChangeKind.WORK)
    new = await next_of(messages)
    scene.run(first)
    scene.tell(ChangeKind.JOBS, first, uuid4())
    changed = await next_of(messages)

    assert before == [(first, jobs_pb2.JOB_STATUS_PENDING), (second, jobs_pb2.JOB_STATUS_PENDING)]
    assert new == [(third, jobs_pb2.JOB_STATUS_PENDING)]
    assert changed == [(first, jobs_pb2.JOB_STATUS_RUNNING)]


async def test_where_there_are_no_jobs_the_beginning_is_told_all_the_same(scene: Scene) -> None:
    async with asyncio.timeout(SECONDS):
        message = await anext(scene.follow())

    assert message.is_live
    assert not message.jobs


async def test_thousands_of_new_jobs_are_all_sent(scene: Scene) -> None:
    scene.submit()
    messages = scene.follow()
    await next_of(messages)

    submitted = scene.submit(2 * FIRST_JOBS)
    scene.tell(ChangeKind.WORK)
    seen: list[UUID] = []
    while len(seen) < len(submitted):
        seen += [job_id for job_id, _ in await next_of(messages)]

    assert seen == submitted


async def test_only_jobs_in_the_wanted_states_are_sent(scene: Scene) -> None:
    first, second, third = scene.submit(3)
    scene.run(first)
    messages = scene.follow(ANONYMOUS, JobStatus.RUNNING)

    before = await next_of(messages)
    scene.run(third)
    scene.tell(ChangeKind.JOBS, second, third)
    changed = await next_of(messages)

    assert [job_id for job_id, _ in (*before, *changed)] == [first, third]


async def test_nobody_sees_what_is_another_ones(scene: Scene) -> None:
    (job_id,) = scene.submit()
    somebody = replace(ANONYMOUS, user_id=uuid4(), role=Role.USER)
    messages = scene.follow(somebody)
    beginning = await next_of(messages)
    waiting = asyncio.create_task(next_of(messages))

    scene.database.readings = 0
    scene.tell(ChangeKind.JOBS, job_id)
    await until(lambda: scene.database.readings > 0)

    assert beginning == []
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert scene.streams.followers() == 0


@pytest.mark.parametrize("poll_seconds", [0.05, 60.0])
async def test_what_nobody_told_is_found_by_looking_again(database: CountingDatabase, poll_seconds: float) -> None:
    scene = Scene(database, poll_seconds=poll_seconds)
    (first,) = scene.submit()
    messages = scene.follow()
    await next_of(messages)

    scene.run(first)
    if poll_seconds > 1:
        scene.tell(ChangeKind.RECONNECTED)
    changed = await next_of(messages)

    assert changed == [(first, jobs_pb2.JOB_STATUS_RUNNING)]
    scene.transactions.close()


async def test_an_older_job_is_not_new_because_a_newer_one_was_deleted(scene: Scene) -> None:
    submitted = scene.submit(FIRST_JOBS + 1)
    messages = scene.follow()
    await next_of(messages)

    scene.delete(submitted[-1])
    scene.run(submitted[-2])
    scene.tell(ChangeKind.RECONNECTED)
    changed = await next_of(messages)

    assert changed == [(submitted[-2], jobs_pb2.JOB_STATUS_RUNNING)]


async def test_following_outlives_a_database_that_is_away_for_a_while(scene: Scene) -> None:
    (job_id,) = scene.submit()
    messages = scene.follow()
    await next_of(messages)
    waiting = asyncio.create_task(next_of(messages))

    scene.database.fault = Unavailable("away")
    scene.tell(ChangeKind.JOBS, job_id)
    await until(lambda: scene.database.refused >= 2)
    scene.database.fault = None
    scene.run(job_id)

    assert await waiting == [(job_id, jobs_pb2.JOB_STATUS_RUNNING)]


async def test_a_server_that_stops_ends_every_list(scene: Scene) -> None:
    messages = scene.follow()
    await next_of(messages)
    waiting = asyncio.create_task(next_of(messages))
    await asyncio.sleep(0)

    scene.streams.close()

    with pytest.raises(Unavailable, match="stopping"):
        await waiting
