"""Who runs next."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from database.records import NewJob, RouteLoad
from jobs_server.dispatcher import UPKEEP_EVERY_SECONDS, Budget, Dispatcher, budget, hints
from jobs_server.metrics import Metrics
from qserver.broker.interface import Hint
from qserver.clock import FakeClock
from qserver.errors import Unavailable
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from qserver.settings import DispatcherSettings
from tests.unit.jobs_server.builders import CountingDatabase, claim, new_job, worker

GIB = 1024**3
SETTINGS = DispatcherSettings(batch_jobs=64, batch_seconds=0.25)


class FakePublisher:
    """Queues whose messages can be lost, on a broker that can be away."""

    def __init__(self) -> None:
        self.queues: dict[str, list[tuple[UUID, ...]]] = {}
        self.is_away = False
        self.generation = 0

    def publish(self, hints: Sequence[Hint]) -> None:
        if self.is_away:
            raise Unavailable("the broker is away")
        for hint in hints:
            self.queues.setdefault(hint.route, []).append(hint.job_ids)

    def waiting(self, route: str) -> int:
        if self.is_away:
            raise Unavailable("the broker is away")
        return len(self.queues.get(route, []))

    def connection_generation(self) -> int:
        return self.generation

    def close(self) -> None:
        pass

    def take(self, route: str = "cpu") -> list[UUID]:
        """Take all that waits, as workers would."""
        return [job_id for hint in self.queues.pop(route, []) for job_id in hint]


class Scene:
    """A dispatcher, with a database to fill and a broker to look into."""

    def __init__(self, database: CountingDatabase) -> None:
        self.database = database
        self.publisher = FakePublisher()
        self.clock = FakeClock()
        self.worker = worker()
        self.dispatcher = Dispatcher(
            database, self.publisher, SETTINGS, live_within_seconds=20, clock=self.clock, metrics=Metrics()
        )

    def add_workers(self, number: int = 1, *routes: str) -> None:
        with self.database.transaction() as transaction:
            for _ in range(number):
                self.worker = worker(*routes)
                transaction.workers.register(self.worker)

    def add_jobs(self, *jobs: NewJob) -> list[UUID]:
        with self.database.transaction() as transaction:
            transaction.jobs.submit(jobs)
        return [job.id for job in jobs]

    def run_later(self) -> None:
        self.clock.advance(UPKEEP_EVERY_SECONDS)
        self.dispatcher.run_once()


@pytest.fixture
def scene(database: CountingDatabase) -> Scene:
    return Scene(database)


@pytest.mark.parametrize(
    ("load", "allowed"),
    [
        (RouteLoad("cpu", 0, 0.0, 0), None),
        (RouteLoad("cpu", 0, 0.0, 1), Budget(64, 0.25, 1)),
        (RouteLoad("cpu", 32, 0.06, 1), Budget(32, 0.19, 1)),
        (RouteLoad("cpu", 33, 0.06, 1), None),
        (RouteLoad("cpu", 64, 0.1, 1), None),
        (RouteLoad("cpu", 2, 0.13, 1), None),
        (RouteLoad("cpu", 2, 0.3, 1), None),
        (RouteLoad("cpu", 1, 100.0, 4), Budget(255, 0.0, 3)),
        (RouteLoad("cpu", 4, 100.0, 4), None),
        (RouteLoad("cpu", 5, 0.1, 0), None),
        (RouteLoad("cpu", 0, 0.0, 1, has_waiting_jobs=False), None),
    ],
)
def test_one_batch_per_live_worker_may_be_out(load: RouteLoad, allowed: Budget | None) -> None:
    given = budget(load, SETTINGS)

    assert (given and (given.jobs, given.at_least)) == (allowed and (allowed.jobs, allowed.at_least))
    assert (given.seconds if given else 0) == pytest.approx(allowed.seconds if allowed else 0)


@pytest.mark.parametrize(
    ("jobs", "workers", "sizes"),
    [(0, 1, []), (1, 4, [1]), (5, 4, [1] * 5), (9, 4, [2, 2, 2, 2, 1]), (64, 2, [16] * 4), (64, 1, [16] * 4)],
)
def test_a_hint_names_several_jobs_where_there_are_enough_for_all_workers(
    jobs: int, workers: int, sizes: list[int]
) -> None:
    ids = [uuid4() for _ in range(jobs)]

    given = hints("cpu", ids, live_workers=workers)

    assert [len(hint.job_ids) for hint in given] == sizes
    assert [job_id for hint in given for job_id in hint.job_ids] == ids


def test_jobs_wait_until_there_is_a_worker(scene: Scene) -> None:
    jobs = scene.add_jobs(new_job(), new_job())
    scene.dispatcher.run_once()
    before = scene.publisher.take()

    scene.add_workers()
    scene.dispatcher.run_once()

    assert (before, scene.publisher.take()) == ([], jobs)


def test_at_most_one_batch_per_worker_is_out_until_it_is_claimed(scene: Scene) -> None:
    scene.add_workers(2)
    jobs = scene.add_jobs(*(new_job() for _ in range(150)))

    scene.dispatcher.run_once()
    scene.dispatcher.run_once()
    first = scene.publisher.take()
    claim(scene.database, first, scene.worker)
    scene.dispatcher.run_once()

    assert first == jobs[:128]
    assert scene.publisher.take() == jobs[128:]


def test_a_job_that_no_live_worker_can_hold_keeps_no_other_waiting(scene: Scene) -> None:
    scene.add_workers()
    _, small = scene.add_jobs(new_job(seconds=100, memory_bytes=16 * GIB), new_job(memory_bytes=GIB))

    scene.dispatcher.run_once()

    assert scene.publisher.take() == [small]


def test_a_job_waits_for_a_worker_that_can_hold_it(scene: Scene) -> None:
    scene.add_workers()
    (large,) = scene.add_jobs(new_job(memory_bytes=16 * GIB))
    scene.dispatcher.run_once()
    before = scene.publisher.take()

    with scene.database.transaction() as transaction:
        transaction.workers.register(replace(worker(), memory_bytes=16 * GIB))
    scene.dispatcher.run_once()

    assert (before, scene.publisher.take()) == ([], [large])


def test_a_job_for_the_gpu_is_measured_by_the_gpus_memory(scene: Scene) -> None:
    with scene.database.transaction() as transaction:
        transaction.workers.register(replace(worker("cpu", "gpu"), gpu_memory_bytes=4 * GIB))
    _, small = (scene.add_jobs(new_job(route="gpu", memory_bytes=gib * GIB))[0] for gib in (6, 4))

    scene.dispatcher.run_once()

    assert scene.publisher.take("gpu") == [small]


def test_work_out_is_bounded_by_its_estimated_time_too(scene: Scene) -> None:
    scene.add_workers()
    jobs = scene.add_jobs(*(new_job(seconds=0.1) for _ in range(10)))

    scene.dispatcher.run_once()

    assert scene.publisher.take() == jobs[:3]


def test_of_long_jobs_each_worker_gets_one(scene: Scene) -> None:
    scene.add_workers(3)
    jobs = scene.add_jobs(*(new_job(seconds=100) for _ in range(5)))

    scene.dispatcher.run_once()

    assert scene.publisher.take() == jobs[:3]


def test_each_route_has_its_own_queue_and_budget(scene: Scene) -> None:
    scene.add_workers(1, "cpu", "large")
    small, large, other = scene.add_jobs(new_job(), new_job(route="large", seconds=50), new_job(route="gpu"))

    scene.dispatcher.run_once()

    assert scene.publisher.queues == {"cpu": [(small,)], "large": [(large,)]}
    assert other not in scene.publisher.take("gpu")


def test_a_newcomer_waits_for_one_batch_and_not_for_a_thousand_jobs(scene: Scene) -> None:
    scene.add_workers()
    scene.add_jobs(*(new_job() for _ in range(1000)))
    scene.dispatcher.run_once()
    (newcomer,) = scene.add_jobs(new_job(scene.database.add_person("newcomer")))

    first = scene.publisher.take()
    claim(scene.database, first, scene.worker)
    scene.dispatcher.run_once()
    second = scene.publisher.take()

    assert newcomer not in first
    assert newcomer in second
    assert len(second) == 64


def test_higher_priority_goes_first(scene: Scene) -> None:
    scene.add_workers()
    low, high = scene.add_jobs(new_job(), new_job(priority=5))

    scene.dispatcher.run_once()

    assert scene.publisher.take() == [high, low]


def test_jobs_flow_when_the_broker_is_back(scene: Scene) -> None:
    scene.add_workers()
    jobs = scene.add_jobs(new_job(), new_job())
    scene.publisher.is_away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            scene.run_later()

    scene.publisher.is_away = False
    scene.run_later()

    assert scene.publisher.take() == jobs


def test_all_is_published_again_after_the_connection_was_lost(scene: Scene) -> None:
    scene.add_workers()
    jobs = scene.add_jobs(new_job(), new_job())
    scene.dispatcher.run_once()
    scene.publisher.take()  # lost with the broker

    scene.publisher.generation += 1
    scene.dispatcher.run_once()

    assert scene.publisher.take() == jobs


def test_messages_that_got_lost_are_sent_again_once_their_queue_is_empty(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.dispatcher.LOST_AFTER_SECONDS", 0.0)
    scene.add_workers()
    jobs = scene.add_jobs(new_job(), new_job())
    scene.dispatcher.run_once()

    scene.run_later()
    while_they_wait = scene.publisher.take()
    scene.run_later()

    assert while_they_wait == jobs
    assert scene.publisher.take() == jobs


def test_messages_that_got_lost_are_sent_again_though_later_ones_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.dispatcher.LOST_AFTER_SECONDS", 0.0)
    scene.add_workers()
    lost = scene.add_jobs(new_job())
    scene.dispatcher.run_once()
    scene.publisher.take()
    later = scene.add_jobs(new_job(), new_job())
    scene.dispatcher.run_once()

    scene.run_later()

    assert scene.publisher.take() == [*later, *lost]


def test_what_was_published_lately_is_not_sent_again(scene: Scene) -> None:
    scene.add_workers()
    scene.add_jobs(new_job())
    scene.dispatcher.run_once()
    scene.publisher.take()

    scene.run_later()

    assert scene.publisher.take() == []


def test_a_job_whose_worker_was_lost_is_published_again(scene: Scene) -> None:
    scene.add_workers()
    jobs = scene.add_jobs(new_job())
    scene.dispatcher.run_once()
    claim(scene.database, scene.publisher.take(), scene.worker, lease_seconds=-1)

    scene.run_later()

    assert scene.publisher.take() == jobs


def test_a_job_past_its_latest_start_fails_though_the_broker_is_away(scene: Scene) -> None:
    (late,) = scene.add_jobs(new_job(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    scene.add_workers()
    scene.publisher.is_away = True

    scene.dispatcher.run_once()

    with scene.database.reading() as transaction:
        assert transaction.jobs.get(late, ANONYMOUS).status is JobStatus.FAILED


def test_a_job_stored_while_its_plugin_was_removed_fails(scene: Scene) -> None:
    with scene.database.transaction() as transaction:
        transaction.plugins.remove("aer")
    (orphan,) = scene.add_jobs(new_job())

    scene.dispatcher.run_once()

    with scene.database.reading() as transaction:
        assert transaction.jobs.get(orphan, ANONYMOUS).status is JobStatus.FAILED


def test_two_dispatchers_publish_each_job_once(scene: Scene) -> None:
    scene.add_workers(4)
    jobs = scene.add_jobs(*(new_job() for _ in range(100)))
    other = Scene(scene.database)

    scene.dispatcher.run_once()
    other.dispatcher.run_once()

    assert sorted([*scene.publisher.take(), *other.publisher.take()]) == sorted(jobs)


def test_so_many_jobs_of_a_user_are_with_workers_until_one_ends(scene: Scene) -> None:
    scene.add_workers()
    ada = scene.database.add_person("ada")
    jobs = scene.add_jobs(*(new_job(ada) for _ in range(5)))
    dispatcher = Dispatcher(
        scene.database,
        scene.publisher,
        SETTINGS,
        live_within_seconds=20,
        clock=scene.clock,
        metrics=Metrics(),
        most_running_per_user=2,
    )
    dispatcher.run_once()
    first = scene.publisher.take()
    claim(scene.database, first, scene.worker)
    dispatcher.run_once()
    while_they_run = scene.publisher.take()

    with scene.database.transaction() as transaction:
        transaction.jobs.cancel(jobs[0], ada)
    dispatcher.run_once()

    assert (first, while_they_run, scene.publisher.take()) == (jobs[:2], [], [jobs[2]])
