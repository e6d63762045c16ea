from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from database.records import ClaimedJob, Lease
from qserver.clock import FakeClock
from tests.unit.worker.claims import WORKER_ID, a_claim, a_group, a_plan
from tests.unit.worker.fake_process import FakeProcess
from tests.waiting import wait_until
from worker.board import Board
from worker.capacity import Capacity
from worker.groups import Group, Lane
from worker.runs import Run, StopCause
from worker.watchdog import MEMORY_CHECK_SECONDS, STILL_FOR_SECONDS, Watchdog

TWO = Capacity(cores=2, places=2, memory_bytes=100)


@pytest.fixture
def board(clock: FakeClock) -> Board:
    return Board(TWO, clock, max_held_jobs=10)


def start(board: Board, group: Group) -> Run:
    """Bring a group into a run."""
    board.admit([group])
    run = board.take(group.lane, timeout_seconds=0)
    assert run is not None
    return run


def leases(group: Group) -> list[Lease]:
    return [claimed.lease for claimed in group.jobs]


def has_room(board: Board) -> bool:
    """Tell whether there is room while a narrow simulator is ready."""
    board._idle[Lane.NARROW] += 1  # as if it waited in `take`
    try:
        return board.wait_for_room(gpu=False, timeout_seconds=0)
    finally:
        board._idle[Lane.NARROW] -= 1


def test_a_group_is_run_once_and_only_in_its_lane(board: Board) -> None:
    group = a_group()
    board.admit([group])

    assert board.take(Lane.WIDE, timeout_seconds=0) is None
    run = board.take(Lane.NARROW, timeout_seconds=0)
    assert run is not None
    assert run.group is group
    assert board.take(Lane.NARROW, timeout_seconds=0) is None


def test_a_job_is_held_until_its_end_is_stored(board: Board) -> None:
    run = start(board, a_group())

    board.end(run)

    assert list(board.leases()) == leases(run.group)
    board.settle(leases(run.group))
    assert board.leases() == ()


def test_a_wide_group_starts_when_the_others_have_ended(board: Board) -> None:
    small = start(board, a_group())
    board.admit([a_group(a_claim(plan=a_plan(threads=0)))])

    assert board.take(Lane.WIDE, timeout_seconds=0) is None
    board.end(small)
    assert board.take(Lane.WIDE, timeout_seconds=0) is not None


def test_a_lane_is_told_when_the_group_before_its_own_can_not_start(clock: FakeClock) -> None:
    board = Board(replace(TWO, gpu_memory_bytes=100), clock, max_held_jobs=10)
    on_gpu = a_group(a_claim(plan=a_plan(device="GPU", threads=0)))
    with ThreadPoolExecutor(2) as executor:
        gpu = executor.submit(board.take, Lane.GPU, timeout_seconds=30)
        narrow = executor.submit(board.take, Lane.NARROW, timeout_seconds=30)
        wait_until(lambda: len(board._changed._waiters) == 2, timeout_seconds=10, what="both wait")
        board.admit([a_group(), a_group(), on_gpu])  # the second waits for a simulator of its lane

        assert narrow.result(15) is not None
        run = gpu.result(15)

    assert run is not None
    assert run.group is on_gpu


def test_a_dropped_job_is_taken_out_of_what_waits(board: Board) -> None:
    one, two = a_claim(), a_claim()
    board.admit([a_group(one, two)])

    dropped = board.drop([one.lease])

    run = board.take(Lane.NARROW, timeout_seconds=0)
    assert run is not None
    assert dropped == {one.job.id}
    assert run.group == a_group(two)
    assert list(board.leases()) == [two.lease]


def test_a_dropped_job_is_marked_in_its_run(board: Board) -> None:
    one, two = a_claim(), a_claim()
    run = start(board, a_group(one, two))

    board.drop([one.lease])

    assert run.gone == {one.job.id}
    assert run.stop_at_seconds is not None


def test_dropping_an_old_lease_does_not_touch_the_new_one(board: Board) -> None:
    claimed = a_claim(attempt=2)
    run = start(board, a_group(claimed))

    dropped = board.drop([Lease(claimed.job.id, WORKER_ID, attempt=1)])

    assert (dropped, run.gone) == (frozenset(), frozenset())


def test_a_job_claimed_again_stops_its_older_run(board: Board) -> None:
    group = a_group()
    older = start(board, group)

    board.admit([group])

    assert older.gone == group.job_ids
    assert list(board.leases()) == leases(group)


def test_groups_that_run_again_go_first(board: Board) -> None:
    later, again = a_group(), [a_group(), a_group()]
    board.admit([later])

    board.retry(again)

    runs = [board.take(Lane.NARROW, timeout_seconds=0) for _ in range(2)]
    assert [run.group for run in runs if run] == again


def test_a_closed_board_gives_back_what_waits_and_takes_nothing(board: Board) -> None:
    waiting, late = a_group(), a_group()
    board.admit([waiting])

    assert board.close() == (waiting,)
    assert board.admit([late]) == [late]
    assert board.retry([late]) == [late]
    assert board.take(Lane.NARROW, timeout_seconds=0) is None


def test_what_waits_for_a_lane_without_simulators_can_be_taken_out(board: Board) -> None:
    wide, narrow = a_group(a_claim(plan=a_plan(threads=0))), a_group()
    board.admit([wide, narrow])

    assert board.evict(Lane.WIDE) == (wide,)
    assert board.take(Lane.NARROW, timeout_seconds=0) is not None


def test_nothing_is_claimed_while_all_simulators_for_wide_jobs_fail(board: Board) -> None:
    board.evict(Lane.WIDE)

    assert not has_room(board)
    board.take(Lane.WIDE, timeout_seconds=0)
    assert has_room(board)


def test_a_lane_without_simulators_holds_up_no_other(board: Board) -> None:
    board.admit([a_group(a_claim(plan=a_plan(threads=0))), a_group()])

    assert board.take(Lane.NARROW, timeout_seconds=0) is not None


def test_there_is_room_only_while_a_simulator_is_ready(board: Board) -> None:
    assert not board.wait_for_room(gpu=False, timeout_seconds=0)
    assert has_room(board)


def test_there_is_no_room_while_too_much_waits_to_be_stored(board: Board) -> None:
    run = start(board, a_group(*[a_claim() for _ in range(10)]))
    board.end(run)

    assert not has_room(board)
    board.settle(leases(run.group)[:1])
    assert has_room(board)


def test_waiting_for_the_end_of_all_runs_has_a_limit(board: Board) -> None:
    run = start(board, a_group())

    assert not board.wait_until_nothing_runs(timeout_seconds=0)
    board.end(run)
    assert board.wait_until_nothing_runs(timeout_seconds=0)


def test_the_watchdog_gives_a_run_that_is_about_to_end_a_moment(board: Board, clock: FakeClock) -> None:
    one, two = a_claim(plan=a_plan(seconds=0.1)), a_claim(plan=a_plan(seconds=0.1))
    run, process = start(board, a_group(one, two)), FakeProcess()
    run.attach(process, memory_limit_bytes=100)
    board.drop([one.lease])
    watchdog = Watchdog(board, clock)

    assert watchdog.look() == MEMORY_CHECK_SECONDS
    assert process.kills == 0
    clock.advance(0.3)
    watchdog.look()
    assert (process.kills, run.stop_cause) == (1, StopCause.GONE)


def test_the_watchdog_kills_what_takes_more_memory_than_it_was_given(board: Board, clock: FakeClock) -> None:
    run, process = start(board, a_group()), FakeProcess()
    run.attach(process, memory_limit_bytes=100)
    watchdog = Watchdog(board, clock)
    clock.advance(MEMORY_CHECK_SECONDS)

    process.resident_bytes = 100
    watchdog.look()
    assert process.kills == 0
    process.resident_bytes = 101
    watchdog.look()
    assert (process.kills, run.stop_cause) == (1, StopCause.MEMORY)


def test_the_watchdog_looks_at_the_memory_of_a_run_once_it_has_gone_on_for_a_while(
    board: Board, clock: FakeClock
) -> None:
    run, process = start(board, a_group()), FakeProcess()
    run.attach(process, memory_limit_bytes=100)
    process.resident_bytes = 101
    watchdog = Watchdog(board, clock)

    clock.advance(0.75 * MEMORY_CHECK_SECONDS)
    assert watchdog.look() == pytest.approx(0.25 * MEMORY_CHECK_SECONDS)
    assert process.kills == 0
    clock.advance(0.25 * MEMORY_CHECK_SECONDS)
    watchdog.look()
    assert process.kills == 1


def test_the_watchdog_kills_a_simulator_that_stands_still(board: Board, clock: FakeClock) -> None:
    run, process = start(board, a_group()), FakeProcess()
    run.attach(process, memory_limit_bytes=100)
    watchdog = Watchdog(board, clock)

    for _ in range(3):
        process.used_seconds += 0.01
        clock.advance(STILL_FOR_SECONDS)
        watchdog.look()
    assert process.kills == 0
    clock.advance(STILL_FOR_SECONDS + 0.1)
    watchdog.look()
    assert (process.kills, run.stop_cause) == (1, StopCause.STILL)


@pytest.mark.parametrize("claimed", [a_claim(route="plugin.fake"), a_claim(plan=a_plan(device="GPU", threads=0))])
def test_a_simulator_that_may_wait_for_something_else_may_stand_still(clock: FakeClock, claimed: ClaimedJob) -> None:
    board = Board(Capacity(cores=1, places=1, memory_bytes=100, gpu_memory_bytes=100), clock, max_held_jobs=100)
    run, process = start(board, a_group(claimed)), FakeProcess()
    run.attach(process, memory_limit_bytes=100)
    watchdog = Watchdog(board, clock)

    for _ in range(3):
        clock.advance(STILL_FOR_SECONDS + 0.1)
        watchdog.look()

    assert process.kills == 0


def test_a_kill_that_comes_too_late_does_not_hit_the_next_run(board: Board) -> None:
    run, process = start(board, a_group()), FakeProcess()
    run.attach(process, memory_limit_bytes=100)

    run.detach()
    run.stop(StopCause.GONE)

    assert process.kills == 0


def test_a_run_that_was_stopped_before_it_had_a_process_kills_the_one_it_gets(board: Board) -> None:
    run, process = start(board, a_group()), FakeProcess()

    run.stop(StopCause.DRAIN)
    run.attach(process, memory_limit_bytes=100)

    assert process.kills == 1
