"""How much may be out with workers, and in how many messages."""

from dataclasses import replace
from uuid import uuid4

import pytest

from database.dispatch_records import RouteLoad
from jobs_server.dispatcher import Budget, budget, hints
from tests.unit.jobs_server.builders import claim, new_job, worker
from tests.unit.jobs_server.dispatching import GIB, SETTINGS, Dispatching


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


def test_at_most_one_batch_per_worker_is_out_until_it_is_claimed(dispatching: Dispatching) -> None:
    dispatching.add_workers(2)
    jobs = dispatching.add_jobs(*(new_job() for _ in range(150)))

    dispatching.dispatcher.run_once()
    dispatching.dispatcher.run_once()
    first = dispatching.publisher.take()
    claim(dispatching.database, first, dispatching.worker)
    dispatching.dispatcher.run_once()

    assert first == jobs[:128]
    assert dispatching.publisher.take() == jobs[128:]


def test_a_job_that_no_live_worker_can_hold_keeps_no_other_waiting(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    _, small = dispatching.add_jobs(new_job(seconds=100, memory_bytes=16 * GIB), new_job(memory_bytes=GIB))

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take() == [small]


def test_a_job_waits_for_a_worker_that_can_hold_it(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    (large,) = dispatching.add_jobs(new_job(memory_bytes=16 * GIB))
    dispatching.dispatcher.run_once()
    before = dispatching.publisher.take()

    with dispatching.database.transaction() as transaction:
        transaction.workers.register(replace(worker(), memory_bytes=16 * GIB))
    dispatching.dispatcher.run_once()

    assert (before, dispatching.publisher.take()) == ([], [large])


def test_a_job_for_the_gpu_is_measured_by_the_gpus_memory(dispatching: Dispatching) -> None:
    with dispatching.database.transaction() as transaction:
        transaction.workers.register(replace(worker("cpu", "gpu"), gpu_memory_bytes=4 * GIB))
    _, small = (dispatching.add_jobs(new_job(route="gpu", memory_bytes=gib * GIB))[0] for gib in (6, 4))

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take("gpu") == [small]


def test_work_out_is_bounded_by_its_estimated_time_too(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    jobs = dispatching.add_jobs(*(new_job(seconds=0.1) for _ in range(10)))

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take() == jobs[:3]


def test_of_long_jobs_each_worker_gets_one(dispatching: Dispatching) -> None:
    dispatching.add_workers(3)
    jobs = dispatching.add_jobs(*(new_job(seconds=100) for _ in range(5)))

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take() == jobs[:3]


def test_each_route_has_its_own_queue_and_budget(dispatching: Dispatching) -> None:
    dispatching.add_workers(1, "cpu", "large")
    small, large, other = dispatching.add_jobs(new_job(), new_job(route="large", seconds=50), new_job(route="gpu"))

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.queues == {"cpu": [(small,)], "large": [(large,)]}
    assert other not in dispatching.publisher.take("gpu")
