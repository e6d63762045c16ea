"""Jobs of which workers are told without a round of the dispatcher."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from database.dispatch_records import RouteLoad
from jobs_server.committer import Committer
from jobs_server.direct_dispatch import DirectDispatch
from jobs_server.dispatcher import room
from jobs_server.free_routes import FreeRoutes, Room
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.metrics import Metrics
from jobs_server.transactions import Transactions
from qserver.errors import Unavailable
from qserver.jobs import Job
from qserver.settings import QuotaSettings
from tests.unit.jobs_server.builders import CountingDatabase, FakeTeller, new_job, worker

GIB = 1024**3


@pytest.fixture
def free_routes() -> FreeRoutes:
    return FreeRoutes()


@pytest.fixture
def teller() -> FakeTeller:
    return FakeTeller()


@pytest.fixture
def direct_dispatch(free_routes: FreeRoutes, teller: FakeTeller) -> Iterator[DirectDispatch]:
    made = DirectDispatch(free_routes, teller)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def committer(database: CountingDatabase, direct_dispatch: DirectDispatch) -> Iterator[Committer]:
    transactions = Transactions(database, threads=1)
    yield Committer(transactions, Metrics(), FreshJobs(), direct_dispatch, quotas=QuotaSettings(), delay_seconds=0)
    transactions.close()


@pytest.mark.parametrize(
    ("load", "free"),
    [
        (RouteLoad("cpu", 0, 0.0, 2, GIB, has_waiting_jobs=False), Room(2, GIB)),
        (RouteLoad("cpu", 1, 0.1, 2, GIB, has_waiting_jobs=False), Room(1, GIB)),
        (RouteLoad("cpu", 2, 0.1, 2, GIB, has_waiting_jobs=False), None),
        (RouteLoad("cpu", 0, 0.0, 2, GIB, has_waiting_jobs=True), None),
        (RouteLoad("cpu", 0, 0.0, 0, has_waiting_jobs=False), None),
    ],
)
def test_a_route_is_free_for_a_job_an_idle_worker_where_nothing_waits(load: RouteLoad, free: Room | None) -> None:
    assert room(load) == free


async def test_workers_are_told_of_a_lone_job_and_the_dispatcher_leaves_it_alone(
    committer: Committer,
    database: CountingDatabase,
    direct_dispatch: DirectDispatch,
    free_routes: FreeRoutes,
    teller: FakeTeller,
) -> None:
    free_routes.offer({"cpu": Room(1, GIB)}, is_all_free=True)
    first, second = new_job(), new_job()

    for job in (first, second):
        (stored,) = await committer.store([job])
        assert isinstance(stored, Job)
    direct_dispatch.stop()

    assert teller.told == [("cpu", [first.id])]
    with database.transaction() as transaction:
        transaction.workers.register(worker())
        (load,) = transaction.dispatch.loads(live_within_seconds=20)
        picked = transaction.dispatch.pick("cpu", limit_jobs=9, limit_seconds=9.0, memory_bytes=GIB)
    assert load.published_jobs == 1
    assert picked.job_ids == (second.id,)


async def test_workers_are_not_told_again_of_what_was_submitted_before(
    committer: Committer, direct_dispatch: DirectDispatch, free_routes: FreeRoutes, teller: FakeTeller
) -> None:
    first = new_job(request_id="a")
    await committer.store([first])
    free_routes.offer({"cpu": Room(2, GIB)}, is_all_free=True)

    (again,) = await committer.store([new_job(request_id="a")])
    direct_dispatch.stop()

    assert isinstance(again, Job)
    assert again.id == first.id
    assert teller.told == []


async def test_after_a_failure_jobs_take_the_long_way_until_the_next_round(
    committer: Committer, direct_dispatch: DirectDispatch, free_routes: FreeRoutes, teller: FakeTeller
) -> None:
    free_routes.offer({"cpu": Room(2, GIB)}, is_all_free=True)
    teller.faults = [Unavailable("the broker is away")]

    with capture_logs() as logs:
        await committer.store([new_job()])
        direct_dispatch.stop()

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("direct_dispatch_failed", "warning")]
    assert not free_routes.take([new_job()])


def test_it_takes_nothing_before_it_is_started_and_after_it_is_stopped(
    free_routes: FreeRoutes, teller: FakeTeller
) -> None:
    free_routes.offer({"cpu": Room(9, GIB)}, is_all_free=True)
    direct_dispatch = DirectDispatch(free_routes, teller)

    taken = [direct_dispatch.take([new_job()])]
    direct_dispatch.start()
    taken.append(direct_dispatch.take([new_job()]))
    direct_dispatch.stop()
    taken.append(direct_dispatch.take([new_job()]))

    assert taken == [False, True, False]
