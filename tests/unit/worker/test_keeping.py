"""Leases, heartbeats, results: what a worker writes while it runs, each against a real database."""

from datetime import datetime, timedelta
from threading import Event, Thread
from uuid import UUID

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from database import Change, ChangeKind
from database.records import Claimant, ClaimedJob, FailedRun, WorkerRecord
from database.tables import jobs
from qserver.clock import FakeClock
from qserver.errors import Reason
from qserver.jobs import JobStatus
from qserver.results import Array, PubResult
from qserver.settings import LeaseSettings
from tests.unit.worker.claims import WORKER_ID, a_group, a_result
from tests.unit.worker.house import House
from tests.waiting import wait_until
from worker.backoff import Backoff
from worker.board import Board
from worker.capacity import Capacity
from worker.deposits import Deposit
from worker.groups import Lane
from worker.heartbeat import Heartbeat
from worker.leases import LeaseKeeper
from worker.results import Storer
from worker.supervision import Crew
from worker.verdicts import Finished, Verdict
from worker.watchdog import Watchdog

CAPACITY = Capacity(cores=2, places=2, memory_bytes=100)
LONG = LeaseSettings(lease_seconds=60.0, lease_renew_seconds=10.0)
AT_ONCE = Backoff(first_seconds=0.001, longest_seconds=0.01)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def board(clock: FakeClock) -> Board:
    return Board(CAPACITY, clock, max_held_jobs=100)


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


@pytest.fixture
def storer(house: House, board: Board, clock: FakeClock) -> Storer:
    return Storer(house.database, board, clock, backoff=AT_ONCE)


def claim(house: House, board: Board, *sources: str, lease_seconds: float = 60.0) -> list[ClaimedJob]:
    """Submit jobs and bring them onto the board, as one group."""
    job_ids = house.submit(*sources)
    claimant = Claimant(WORKER_ID, frozenset({"cpu"}), memory_bytes=1000)
    with house.database.transaction() as transaction:
        claimed = list(transaction.jobs.claim(job_ids, claimant, lease_seconds=lease_seconds))
    board.admit([a_group(*claimed)])
    return claimed


def deposit(*claimed: ClaimedJob, result: PubResult | None = None) -> Deposit:
    finished = tuple(Finished(each, (result or a_result(),)) for each in claimed)
    return Deposit(Verdict(finished=finished), waited_seconds=2.0, ended_seconds=0.0)


def lease_end(house: House, claimed: ClaimedJob) -> datetime:
    """Read when the lease runs out, which only the database knows."""
    with house.database._engine.connect() as connection:
        found = connection.execute(select(jobs.c.lease_expires_at).where(jobs.c.id == claimed.job.id)).scalar_one()
    assert isinstance(found, datetime)
    return found


def held(board: Board) -> set[UUID]:
    return {lease.job_id for lease in board.leases()}


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


def test_a_look_before_that_prolongs_nothing(house: House, board: Board, keeper: LeaseKeeper) -> None:
    (claimed,) = claim(house, board, "bell")
    before = lease_end(house, claimed)

    keeper.look()

    assert lease_end(house, claimed) == before
    assert held(board) == {claimed.job.id}


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
    keeper.notice(Change(ChangeKind.ENDED, (foreign, has_run.job.id)))
    assert held(board) == {claimed.job.id, has_run.job.id}
    keeper.notice(Change(ChangeKind.ENDED, (claimed.job.id,)))
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


def test_results_of_several_groups_are_stored_together(
    house: House, board: Board, storer: Storer, clock: FakeClock
) -> None:
    one, two, three = claim(house, board, "bell", "bell", "bell")
    clock.advance(0.25)
    storer.put(deposit(one, two))
    failed = FailedRun(three.lease, Reason.PLUGIN_ERROR, "broken")
    storer.put(Deposit(Verdict(failed=(failed,)), 0.0, 0.0))

    storer.stop()
    storer.serve()

    assert [house.job(each.job.id).status for each in (one, two, three)] == ["finished", "finished", "failed"]
    seconds = house.result(one.job.id).run.seconds
    assert seconds.queued == pytest.approx(one.queued_seconds + 2.0)
    assert seconds.storing == 0.25
    assert held(board) == set()


def test_results_that_are_too_much_for_one_transaction_are_stored_in_several(
    house: House, board: Board, storer: Storer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.results.MAX_PORTION_BYTES", 2500)
    claimed = claim(house, board, *["bell"] * 6)
    kilobyte = PubResult(run=a_result().run, arrays=(Array("memory", "bits", (1, 8000), b"0" * 1000),))
    storer.put(deposit(*claimed[:5], result=kilobyte))
    storer.put(deposit(claimed[5]))

    storer.stop()
    storer.serve()

    assert {house.job(each.job.id).status for each in claimed} == {JobStatus.FINISHED}
    assert held(board) == set()


def test_a_result_that_can_not_be_stored_fails_alone(house: House, board: Board, storer: Storer) -> None:
    good, bad = claim(house, board, "bell", "bell")
    storer.put(deposit(good))
    unwritable = Array("a lone surrogate, \ud800, has no UTF-8", "bits", (1, 1), b"0")
    storer.put(deposit(bad, result=PubResult(run=a_result().run, arrays=(unwritable,))))

    storer.stop()
    storer.serve()

    assert house.job(good.job.id).status is JobStatus.FINISHED
    job = house.job(bad.job.id)
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.INTERNAL)


def test_a_result_of_a_lost_lease_is_refused_and_told(house: House, board: Board, storer: Storer) -> None:
    (claimed,) = claim(house, board, "bell")
    house.cancel(claimed.job.id)
    storer.put(deposit(claimed))
    storer.stop()

    with capture_logs() as logs:
        storer.serve()

    assert house.job(claimed.job.id).status is JobStatus.CANCELED
    assert [entry["event"] for entry in logs] == ["result_refused"]


def test_results_that_nobody_could_store_are_never_lost_silently(house: House, board: Board, storer: Storer) -> None:
    (claimed,) = claim(house, board, "bell")
    storer.put(deposit(claimed))
    house.database.is_away = True
    storer.stop()
    storer.give_up()

    with capture_logs() as logs:
        storer.serve()

    assert [(entry["event"], entry["job_id"]) for entry in logs] == [("result_lost", str(claimed.job.id))]


def a_worker() -> WorkerRecord:
    return WorkerRecord(
        id=WORKER_ID,
        name="ada",
        host="here",
        version="1",
        routes=frozenset({"cpu"}),
        plugins=("fake",),
        devices=("CPU",),
        cores=2,
        memory_bytes=100,
        gpu_memory_bytes=0,
        simulator_processes=2,
    )


def worker_names(house: House) -> list[str]:
    with house.database.reading() as transaction:
        return [record.name for record in transaction.workers.list(live_within_seconds=None)]


def test_a_worker_that_was_forgotten_registers_again(house: House) -> None:
    heartbeat = Heartbeat(house.database, a_worker, interval_seconds=1000.0, due=(due := Event()))
    thread = Thread(target=heartbeat.serve)
    thread.start()
    wait_until(lambda: worker_names(house) == ["ada"])

    with house.database.transaction() as transaction:
        transaction.workers.remove(WORKER_ID)
    due.set()

    wait_until(lambda: worker_names(house) == ["ada"])
    heartbeat.stop()
    thread.join()


def test_a_heartbeat_outlives_the_databases_absence(house: House) -> None:
    house.database.is_away = True
    heartbeat = Heartbeat(house.database, a_worker, interval_seconds=0.01, due=Event())
    thread = Thread(target=heartbeat.serve)
    thread.start()
    wait_until(lambda: house.database.refusals > 2)

    house.database.is_away = False

    wait_until(lambda: worker_names(house) == ["ada"])
    heartbeat.stop()
    thread.join()


def test_the_first_thread_that_fails_is_told_once_and_with_its_trace() -> None:
    told: list[str] = []
    crew = Crew(lambda: told.append("failed"))

    def fail() -> None:
        raise ValueError("a bug")

    with capture_logs() as logs:
        crew.start("one", fail)
        crew.start("two", fail)
        assert crew.join("", timeout_seconds=10.0)

    assert crew.has_failed
    assert told == ["failed"]
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("thread_failed", True)] * 2


def test_joining_a_thread_that_runs_on_has_a_limit() -> None:
    crew = Crew(lambda: None)
    go = Event()
    crew.start("one", lambda: wait_until(go.is_set))

    assert not crew.join("one", timeout_seconds=0.01)
    go.set()
    assert crew.join("one", timeout_seconds=10.0)
