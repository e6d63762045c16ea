"""Waiting for results: what wakes it, and what it outlives."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from database.changes import Change, ChangeKind
from jobs_server.committer import Committer
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.metrics import Metrics
from jobs_server.result_streams import ResultStreams
from jobs_server.transactions import Transactions
from qserver.errors import Unavailable
from qserver.identity import ANONYMOUS, Identity
from qserver.jobs import Job
from qserver.settings import QuotaSettings
from tests.unit.jobs_server.builders import CountingDatabase, new_job, no_direct_dispatch
from tests.waiting import PATIENCE_SECONDS, until


class Scene:
    """Two jobs, and who waits for them. Nobody tells of changes but the test."""

    def __init__(self, database: CountingDatabase, *, poll_seconds: float = 60) -> None:
        self.database = database
        self.transactions = Transactions(database, threads=1)  # what is asked next comes after what was asked before
        self.fresh_jobs = FreshJobs()
        self.streams = ResultStreams(self.transactions, self.fresh_jobs, poll_seconds=poll_seconds)
        new = [new_job(), new_job()]
        with database.transaction() as transaction:
            transaction.jobs.submit(new)
        self.job_ids = [job.id for job in new]

    def wait(self, caller: Identity = ANONYMOUS) -> "asyncio.Task[list[str]]":
        return asyncio.create_task(self._collect(caller))

    async def _collect(self, caller: Identity) -> list[str]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            messages = self.streams.as_they_end(self.job_ids, caller)
            return [answer.id async for message in messages for answer in message.results]

    async def wait_and_begin(self) -> "asyncio.Task[list[str]]":
        """Wait, and have the first look at the jobs behind us."""
        before = self.database.readings
        waiting = self.wait()
        await until(lambda: self.database.readings > before)
        await self.transactions.require_ready()
        return waiting

    def cancel(self, *job_ids: UUID) -> None:
        with self.database.transaction() as transaction:
            for job_id in job_ids:
                transaction.jobs.cancel(job_id, ANONYMOUS)


@pytest.fixture
def scene(database: CountingDatabase) -> Iterator[Scene]:
    made = Scene(database)
    yield made
    made.transactions.close()


@pytest.fixture
def polling(database: CountingDatabase) -> Iterator[Scene]:
    made = Scene(database, poll_seconds=0.05)
    yield made
    made.transactions.close()


async def test_an_announced_change_is_read_and_no_other_job(scene: Scene) -> None:
    waiting = await scene.wait_and_begin()
    scene.cancel(*scene.job_ids)

    scene.streams.tell(Change(ChangeKind.ENDED, (scene.job_ids[1],)))
    await until(lambda: scene.streams.waiting_jobs() == 1)
    scene.streams.tell(Change(ChangeKind.ENDED, tuple(scene.job_ids)))

    assert await waiting == [str(job_id) for job_id in scene.job_ids[::-1]]


async def test_a_job_that_was_just_stored_is_read_once(scene: Scene) -> None:
    committer = Committer(
        scene.transactions, Metrics(), scene.fresh_jobs, no_direct_dispatch(), quotas=QuotaSettings(), delay_seconds=0
    )
    stored = await committer.store([new_job()])
    scene.job_ids = [job.id for job in stored if isinstance(job, Job)]
    before = scene.database.readings

    waiting = scene.wait()
    await until(lambda: scene.streams.waiting_jobs() == 1)
    scene.cancel(*scene.job_ids)
    scene.streams.tell(Change(ChangeKind.ENDED, tuple(scene.job_ids)))

    assert await waiting == [str(job_id) for job_id in scene.job_ids]
    assert scene.database.readings == before + 1


async def test_after_a_lost_connection_every_job_is_read_again(scene: Scene) -> None:
    waiting = await scene.wait_and_begin()
    scene.cancel(*scene.job_ids)

    scene.streams.tell(Change(ChangeKind.RECONNECTED))

    assert await waiting == [str(job_id) for job_id in scene.job_ids]


async def test_a_change_that_nobody_told_is_seen_by_the_poll(polling: Scene) -> None:
    waiting = await polling.wait_and_begin()

    polling.cancel(*polling.job_ids)

    assert await waiting == [str(job_id) for job_id in polling.job_ids]


async def test_waiting_outlives_a_database_that_is_away_for_a_while(polling: Scene) -> None:
    waiting = await polling.wait_and_begin()

    polling.database.fault = Unavailable("away")
    await until(lambda: polling.database.refused >= 2)
    polling.database.fault = None
    polling.cancel(*polling.job_ids)

    assert await waiting == [str(job_id) for job_id in polling.job_ids]


async def test_a_job_whose_reading_failed_is_read_again_soon(scene: Scene) -> None:
    waiting = await scene.wait_and_begin()
    scene.cancel(*scene.job_ids)

    scene.database.fault = Unavailable("away")
    scene.streams.tell(Change(ChangeKind.ENDED, tuple(scene.job_ids)))
    await until(lambda: scene.database.refused >= 1)
    scene.database.fault = None

    assert await waiting == [str(job_id) for job_id in scene.job_ids]


async def test_the_poll_comes_in_time_however_much_is_announced(scene: Scene) -> None:
    scene.streams = ResultStreams(scene.transactions, FreshJobs(), poll_seconds=0.5)
    silent, told = scene.job_ids
    waiting = await scene.wait_and_begin()
    scene.cancel(silent)

    while scene.streams.waiting_jobs() == 2 and not waiting.done():
        scene.streams.tell(Change(ChangeKind.ENDED, (told,)))
        await asyncio.sleep(0.01)
    scene.cancel(told)
    scene.streams.tell(Change(ChangeKind.ENDED, (told,)))

    assert await waiting == [str(silent), str(told)]


async def test_a_database_that_is_away_at_first_is_said(scene: Scene) -> None:
    scene.database.fault = Unavailable("away")

    with pytest.raises(Unavailable):
        await scene.wait()

    assert scene.streams.waiting_jobs() == 0


async def test_other_peoples_jobs_are_not_waited_for(scene: Scene) -> None:
    eve = scene.database.add_person("eve")

    answered = await scene.wait(eve)

    assert answered == [str(job_id) for job_id in scene.job_ids]
    assert scene.streams.waiting_jobs() == 0


async def test_nothing_is_left_of_a_caller_that_went_away(scene: Scene) -> None:
    waiting = await scene.wait_and_begin()

    waiting.cancel()
    await asyncio.wait({waiting})

    assert scene.streams.waiting_jobs() == 0


async def test_a_server_that_stops_ends_every_wait(scene: Scene) -> None:
    waiting = await scene.wait_and_begin()

    scene.streams.close()

    with pytest.raises(Unavailable, match="ask again"):
        await waiting
