"""Leases are kept while their jobs are ours, and dropped when they are not."""

from datetime import datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import select

from database import Change, ChangeKind
from database.records import Claimant, ClaimedJob
from database.tables import jobs
from qserver.clock import FakeClock
from qserver.settings import LeaseSettings
from tests.unit.worker.boards import AT_ONCE, claim, held
from tests.unit.worker.claims import WORKER_ID, a_group
from tests.unit.worker.house import House
from tests.waiting import wait_until
from worker.board import Board
from worker.capacity import Capacity
from worker.groups import Lane
from worker.leases import LeaseKeeper
from worker.watchdog import Watchdog

LONG = LeaseSettings(lease_seconds=60.0, lease_renew_seconds=10.0)


@pytest.fixture
def keeper(house: House, board: Board, clock: FakeClock) -> LeaseKeeper:
    return LeaseKeeper(
        worker_id=WORKER_ID,
        database=house.database,
        board=board,
        watchdog=Watchdog(board, clock),
        settings=LONG,
        poll_seconds=1000.0,
        clock=clock,
        backoff=AT_ONCE,
    )


def lease_end(house: House, claimed: ClaimedJob) -> datetime:
    """Read when the lease runs out, which only the database knows."""
    with house.database._engine.connect() as connection:
        found = connection.execute(select(jobs.c.lease_expires_at).where(jobs.c.id == claimed.job.id)).scalar_one()
    assert isinstance(found, datetime)
    return found


def test_live_leases_are_kept_and_lost_ones_dropped(house: House, board: Board, keeper: LeaseKeeper) -> None:
    one, two = claim(house, board, "bell", "bell")
    house.cancel(one.job.id)

    keeper.look()

    assert held(board) == {two.job.id}


def test_a_lease_is_prolonged_when_that_is_due(
    house: House, board: Board, keeper: LeaseKeeper, clock: FakeClock
) -> None:
    (claimed,) = claim(house, board, "bell", lease_seconds=LONG.lease_seconds / 2)
    before = lease_end(house, claimed)

    clock.advance(LONG.lease_renew_seconds)
    keeper.look()

    assert lease_end(house, claimed) >= before + timedelta(seconds=LONG.lease_seconds / 2)


def test_a_lease_is_prolonged_while_its_job_is_still_being_read(
    house: House, board: Board, keeper: LeaseKeeper, clock: FakeClock
) -> None:
    (claimed,) = claim(
        house,
        Board(Capacity(cores=1, places=1, memory_bytes=100), clock, max_held_jobs=1),
        "bell",
        lease_seconds=LONG.lease_seconds / 2,
    )
    before = lease_end(house, claimed)

    board.hold([claimed.lease])
    clock.advance(LONG.lease_renew_seconds)
    keeper.look()

    assert lease_end(house, claimed) >= before + timedelta(seconds=LONG.lease_seconds / 2)


def test_a_look_before_that_prolongs_nothing(house: House, board: Board, keeper: LeaseKeeper) -> None:
    (claimed,) = claim(house, board, "bell")
    before = lease_end(house, claimed)

    keeper.look()

    assert lease_end(house, claimed) == before
    assert held(board) == {claimed.job.id}


def test_a_lease_whose_claim_is_not_committed_yet_is_kept(house: House, board: Board, keeper: LeaseKeeper) -> None:
    (job_id,) = house.submit("bell")
    claimant = Claimant(WORKER_ID, frozenset({"cpu"}), memory_bytes=1000)
    with house.database.transaction() as transaction:
        claimed = transaction.jobs.claim([job_id], claimant, lease_seconds=60.0, on_lease=board.hold)
        keeper.look()
        assert held(board) == {job_id}

    board.admit([a_group(*claimed)])
    keeper.look()
    assert held(board) == {job_id}
    house.cancel(job_id)
    keeper.look()
    assert held(board) == set()


def test_a_lease_that_ran_out_is_dropped(house: House, board: Board, keeper: LeaseKeeper) -> None:
    claim(house, board, "bell", lease_seconds=0.0)

    keeper.look()

    assert held(board) == set()


def test_only_the_end_of_a_job_that_waits_or_runs_here_wakes_the_keeper(
    house: House, board: Board, keeper: LeaseKeeper
) -> None:
    (has_run,) = claim(house, board, "bell")
    run = board.take(Lane.NARROW, timeout_seconds=0)
    assert run is not None
    board.end(run)
    (claimed,) = claim(house, board, "bell")
    (foreign,) = house.submit("bell")
    thread = Thread(target=keeper.serve)
    thread.start()

    house.cancel(claimed.job.id)
    house.cancel(has_run.job.id)
    keeper.notice(Change(ChangeKind.JOBS, (claimed.job.id,)))
    keeper.notice(Change(ChangeKind.STOPPED, (foreign, has_run.job.id)))
    assert held(board) == {claimed.job.id, has_run.job.id}
    keeper.notice(Change(ChangeKind.STOPPED, (claimed.job.id,)))
    wait_until(lambda: held(board) == set())

    keeper.stop()
    thread.join()


def test_nothing_is_given_up_while_the_database_is_away(house: House, board: Board, keeper: LeaseKeeper) -> None:
    (claimed,) = claim(house, board, "bell")
    house.cancel(claimed.job.id)
    house.database.is_away = True
    thread = Thread(target=keeper.serve)
    thread.start()

    keeper.notice(Change(ChangeKind.RECONNECTED))
    wait_until(lambda: house.database.refusals > 3)
    assert held(board) == {claimed.job.id}
    house.database.is_away = False
    wait_until(lambda: held(board) == set())

    keeper.stop()
    thread.join()
