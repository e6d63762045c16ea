"""A slot runs only what a simulator runs that has lately shown that it can."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from qserver.clock import FakeClock
from qserver.errors import ExecutionError, Reason
from qserver.plugins import Failure, Success
from tests.unit.worker.claims import a_claim, a_group, a_plan, a_result
from tests.waiting import wait_until
from worker.board import Board
from worker.deposits import Deposit
from worker.groups import Lane
from worker.runs import Run
from worker.slot import PROOF_SECONDS, Slot, is_suspicious
from worker.verdicts import Answered, Died, Ending, Interrupted, NotStarted, OutOfTime, Refused


class FakeSimulator:
    """Proves itself while `works`, and ends every run in `ending`, or in success."""

    def __init__(self) -> None:
        self.works = True
        self.ending: Ending | None = None
        self.is_ready = False
        self.log: list[str] = []
        self.on_run: Callable[[], None] = lambda: None

    def prove(self) -> None:
        self.log.append("proof")
        self.is_ready = self.works
        if not self.works:
            raise ExecutionError("the self-test's counts of a Bell pair are {'01': 100}", reason=Reason.INTERNAL)

    def stop_proving(self) -> None:
        """There is never one under way for long."""

    def run(self, run: Run) -> Ending:
        self.log.append("run")
        self.on_run()
        successes = [Success(str(claimed.job.id), a_result()) for claimed in run.group.jobs]
        return self.ending or Answered(successes)

    def rest(self) -> None:
        """There is no file plugin."""

    def close(self) -> None:
        self.is_ready = False


class FakeStorer:
    """Keeps what a slot hands over."""

    def __init__(self) -> None:
        self.deposits: list[Deposit] = []
        self.released = 0

    def put(self, deposit: Deposit) -> None:
        self.deposits.append(deposit)

    def release(self, leases: list[object], message: str) -> None:
        del message
        self.released += len(leases)


@pytest.fixture
def simulator() -> FakeSimulator:
    return FakeSimulator()


@pytest.fixture
def storer() -> FakeStorer:
    return FakeStorer()


@contextmanager
def serving(simulator: FakeSimulator, board: Board, storer: FakeStorer, clock: FakeClock) -> Iterator[None]:
    slot = Slot(Lane.NARROW, simulator=simulator, board=board, storer=storer, clock=clock)  # type: ignore[arg-type]
    thread = Thread(target=slot.serve)
    thread.start()
    try:
        yield
    finally:
        slot.stop()
        board.close()
        thread.join()


def has_room(board: Board) -> bool:
    return board.wait_for_room(gpu=False, timeout_seconds=0)


def test_a_simulator_proves_itself_before_it_takes_anything(
    simulator: FakeSimulator, board: Board, storer: FakeStorer, clock: FakeClock
) -> None:
    board.admit([a_group()])

    with serving(simulator, board, storer, clock):
        wait_until(lambda: len(storer.deposits) == 1)

    assert simulator.log == ["proof", "run"]


def test_a_busy_simulator_proves_itself_every_few_minutes(
    simulator: FakeSimulator, board: Board, storer: FakeStorer, clock: FakeClock
) -> None:
    simulator.on_run = lambda: clock.advance(PROOF_SECONDS * 0.4)
    board.admit([a_group() for _ in range(5)])

    with serving(simulator, board, storer, clock):
        wait_until(lambda: len(storer.deposits) == 5)

    assert simulator.log == ["proof", "run", "run", "run", "proof", "run", "run"]


def test_a_simulator_that_fails_takes_nothing_until_it_can_simulate_again(
    simulator: FakeSimulator, board: Board, storer: FakeStorer, clock: FakeClock
) -> None:
    simulator.works = False
    waiting = a_group()
    with serving(simulator, board, storer, clock):
        wait_until(lambda: board.unfit_lanes() == {Lane.NARROW})
        board.admit([waiting])
        wait_until(lambda: storer.released == 1, what="what it held is given back")
        assert not has_room(board)

        simulator.works = True

        wait_until(lambda: has_room(board), what="it is ready again")
        assert board.unfit_lanes() == frozenset()
        board.admit([a_group()])
        wait_until(lambda: len(storer.deposits) == 1)


def test_a_simulator_that_stops_being_right_takes_no_other_job(
    simulator: FakeSimulator, board: Board, storer: FakeStorer, clock: FakeClock
) -> None:
    with serving(simulator, board, storer, clock):
        board.admit([a_group()])
        wait_until(lambda: len(storer.deposits) == 1)
        simulator.works = False
        clock.advance(PROOF_SECONDS)

        wait_until(lambda: board.unfit_lanes() == {Lane.NARROW})
        board.admit([a_group()])
        wait_until(lambda: storer.released == 1)

    assert simulator.log.count("run") == 1


def test_a_simulator_whose_plugin_fails_proves_itself_before_it_goes_on(
    simulator: FakeSimulator, board: Board, storer: FakeStorer, clock: FakeClock
) -> None:
    simulator.ending = Refused(Reason.PLUGIN_ERROR, "CUDA error: device is gone")
    with serving(simulator, board, storer, clock):
        board.admit([a_group(), a_group(a_claim(plan=a_plan(memory_bytes=2)))])
        wait_until(lambda: len(storer.deposits) == 2)

    assert simulator.log[:4] == ["proof", "run", "proof", "run"]


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        (Answered([Success("job", a_result())]), False),
        (Answered([Failure("job", Reason.OUT_OF_MEMORY, "too large")]), False),
        (Answered([Success("a", a_result()), Failure("b", Reason.PLUGIN_ERROR, "a fault")]), True),
        (Answered([Failure("job", Reason.DEVICE_UNAVAILABLE, "no GPU")]), True),
        (Refused(Reason.INTERNAL, "a fault"), True),
        (Refused(Reason.RESULT_TOO_LARGE, "too large"), False),
        (Died("of a signal", lack_of_memory=False), False),
        (OutOfTime(1.0), False),
        (Interrupted(), False),
        (NotStarted("no process", lose_attempt=False), False),
    ],
)
def test_what_may_be_the_simulator_s_own_fault_is_suspicious(ending: Ending, *, verdict: bool) -> None:
    assert is_suspicious(ending) is verdict
