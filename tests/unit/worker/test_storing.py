"""Results are stored once, together where that can be, and never lost silently."""

import pytest
from structlog.testing import capture_logs

from database.records import ClaimedJob, FailedRun
from qserver.clock import FakeClock
from qserver.errors import Reason
from qserver.jobs import JobStatus
from qserver.results import Array, PubResult
from tests.unit.worker.boards import AT_ONCE, claim, held
from tests.unit.worker.claims import a_result
from tests.unit.worker.house import House
from worker.board import Board
from worker.deposits import Deposit
from worker.results import Storer
from worker.verdicts import Finished, Verdict


@pytest.fixture
def storer(house: House, board: Board, clock: FakeClock) -> Storer:
    return Storer(house.database, board, clock, backoff=AT_ONCE)


def deposit(*claimed: ClaimedJob, result: PubResult | None = None) -> Deposit:
    finished = tuple(Finished(each, (result or a_result(),)) for each in claimed)
    return Deposit(Verdict(finished=finished), waited_seconds=2.0, ended_seconds=0.0)


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
