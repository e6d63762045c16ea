"""Following jobs."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from database.changes import Change, ChangeKind
from jobs_server.transactions import Transactions
from jobs_server.watch import Watches
from qserver.errors import NotFound, Unavailable
from qserver.identity import ANONYMOUS
from qserver.jobs import JobEvent, JobStatus
from tests.unit.jobs_server.builders import CountingDatabase, claim, new_job, worker
from tests.waiting import until

PENDING, RUNNING, CANCELED = JobStatus.PENDING, JobStatus.RUNNING, JobStatus.CANCELED


class Scene:
    """One job, and who watches it."""

    def __init__(self, database: CountingDatabase, *, poll_seconds: float = 60) -> None:
        self.database = database
        self.transactions = Transactions(database, threads=2)
        self.watches = Watches(self.transactions, poll_seconds=poll_seconds)
        self.worker = worker()
        job = new_job()
        with database.transaction() as transaction:
            transaction.jobs.submit([job])
            transaction.workers.register(self.worker)
        self.job_id = job.id

    def watch(self, after_sequence: int = 0) -> "asyncio.Task[list[JobStatus]]":
        return asyncio.create_task(self._collect(after_sequence))

    async def _collect(self, after_sequence: int) -> list[JobStatus]:
        events = self.watches.events(self.job_id, ANONYMOUS, after_sequence=after_sequence)
        return [event.status async for event in events]

    def run(self) -> None:
        claim(self.database, [self.job_id], self.worker)

    def cancel(self) -> None:
        with self.database.transaction() as transaction:
            transaction.jobs.cancel(self.job_id, ANONYMOUS)

    def tell(self) -> None:
        self.watches.tell(Change(ChangeKind.JOBS, (self.job_id, uuid4())))

    async def next_of(self, events: AsyncIterator[JobEvent]) -> JobStatus:
        async with asyncio.timeout(10):
            return (await anext(events)).status


@pytest.fixture
async def scene(database: CountingDatabase) -> AsyncIterator[Scene]:
    made = Scene(database)
    yield made
    made.transactions.close()


async def test_past_events_come_first_then_each_as_it_happens_up_to_the_final_one(scene: Scene) -> None:
    events = scene.watches.events(scene.job_id, ANONYMOUS, after_sequence=0)
    first = await scene.next_of(events)
    scene.run()
    scene.tell()
    second = await scene.next_of(events)
    scene.cancel()
    scene.tell()

    rest = [event.status async for event in events]

    assert [first, second, *rest] == [PENDING, RUNNING, CANCELED]


async def test_a_final_event_that_comes_while_others_are_sent_is_sent_too(scene: Scene) -> None:
    events = scene.watches.events(scene.job_id, ANONYMOUS, after_sequence=0)
    first = await scene.next_of(events)
    other = scene.watch()
    await until(lambda: scene.watches.watchers(scene.job_id) == 2)

    scene.cancel()
    scene.tell()
    await other  # it has read to the end, while the slow watcher still holds the first event
    rest = [event.status async for event in events]

    assert [first, *rest] == [PENDING, CANCELED]


@pytest.mark.parametrize(("after", "expected"), [(0, [PENDING, CANCELED]), (1, [CANCELED]), (2, []), (9, [])])
async def test_watching_goes_on_after_the_last_event_seen(scene: Scene, after: int, expected: list[JobStatus]) -> None:
    scene.cancel()

    assert await scene.watch(after) == expected


async def test_many_watchers_of_a_job_cost_one_reading(scene: Scene) -> None:
    watchers = [scene.watch() for _ in range(100)]
    await until(lambda: scene.watches.watchers(scene.job_id) == 100)
    scene.database.readings = 0

    scene.cancel()
    scene.tell()

    assert await asyncio.gather(*watchers) == [[PENDING, CANCELED]] * 100
    assert scene.database.readings <= 3


async def test_a_change_that_nobody_told_is_seen_by_the_poll(database: CountingDatabase) -> None:
    scene = Scene(database, poll_seconds=0.05)
    watcher = scene.watch()
    await asyncio.sleep(0)

    scene.cancel()

    assert await watcher == [PENDING, CANCELED]
    scene.transactions.close()


async def test_after_a_lost_connection_every_job_is_read_again(scene: Scene) -> None:
    events = scene.watches.events(scene.job_id, ANONYMOUS, after_sequence=1)
    waiting = asyncio.create_task(scene.next_of(events))
    await until(lambda: scene.watches.watchers(scene.job_id) > 0)
    scene.cancel()

    scene.watches.tell(Change(ChangeKind.RECONNECTED))

    assert await waiting is CANCELED


async def test_watching_outlives_a_database_that_is_away_for_a_while(database: CountingDatabase) -> None:
    scene = Scene(database, poll_seconds=0.05)
    events = scene.watches.events(scene.job_id, ANONYMOUS, after_sequence=0)
    first = await scene.next_of(events)

    database.fault = Unavailable("away")
    scene.tell()
    waiting = asyncio.create_task(scene.next_of(events))
    await until(lambda: database.refused >= 2)
    database.fault = None
    scene.cancel()

    assert [first, await waiting] == [PENDING, CANCELED]
    scene.transactions.close()


async def test_a_job_whose_events_were_removed_still_ends_with_its_final_one(scene: Scene) -> None:
    scene.cancel()
    scene.database.forget_events(scene.job_id)

    assert await scene.watch() == [CANCELED]


async def test_an_unknown_job_cannot_be_watched(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await anext(scene.watches.events(uuid4(), ANONYMOUS, after_sequence=0))


async def test_nothing_is_left_of_a_watcher_that_went_away(scene: Scene) -> None:
    watcher = scene.watch()
    await until(lambda: scene.watches.watchers(scene.job_id) > 0)

    watcher.cancel()
    await asyncio.wait({watcher})

    assert scene.watches.watchers(scene.job_id) == 0


async def test_a_server_that_stops_ends_every_watch(scene: Scene) -> None:
    watcher = scene.watch()
    await until(lambda: scene.watches.watchers(scene.job_id) > 0)

    scene.watches.close()

    with pytest.raises(Unavailable, match="watch again"):
        await watcher
