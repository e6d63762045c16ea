"""A thread that runs groups, one after the other, in a simulator of its own."""

from collections.abc import Sequence
from threading import Event
from typing import assert_never

import structlog

from qserver.clock import Clock
from qserver.errors import QServerError, Reason
from qserver.plugins import Failure
from worker.backoff import Backoff
from worker.board import Board
from worker.deposits import Deposit
from worker.groups import Group, Lane
from worker.results import Storer
from worker.runs import Run
from worker.simulator import Simulator
from worker.verdicts import Answered, Died, Ending, Interrupted, NotStarted, OutOfTime, Refused, judge

PROOF_SECONDS = 300.0
"""A simulator must prove itself again so often, however busy it is: that it answers doesn't show that it is right."""

REST_SECONDS = 60.0
"""After this long without a run a simulator ends what it keeps for file plugins."""

TAKE_SECONDS = 1.0

_OF_THE_ENGINE = frozenset({Reason.INTERNAL, Reason.PLUGIN_ERROR, Reason.DEVICE_UNAVAILABLE})
"""Why a job failed that another circuit would also fail for, where the simulator is broken."""

log = structlog.get_logger(__name__)


class Slot:
    """One simulator and the thread that feeds it."""

    def __init__(self, lane: Lane, *, simulator: Simulator, board: Board, storer: Storer, clock: Clock) -> None:
        """Serve the groups of one lane."""
        self._lane = lane
        self._simulator = simulator
        self._board = board
        self._storer = storer
        self._clock = clock
        self._proved_seconds: float | None = None
        self._busy_seconds = 0.0
        self._stopping = Event()

    def serve(self) -> None:
        """Run groups until `stop`, or until the board is closed."""
        failures = 0
        try:
            while not self._stopping.is_set() and not self._board.is_closed:
                failures = 0 if self._is_proved() or self._prove() else failures + 1
                if failures:
                    self._stopping.wait(Backoff(first_seconds=1.0, longest_seconds=30.0).seconds(failures))
                elif run := self._board.take(self._lane, timeout_seconds=TAKE_SECONDS):
                    self._serve_run(run)
                elif self._clock.monotonic_seconds() - self._busy_seconds > REST_SECONDS:
                    self._simulator.rest()
        finally:
            self._simulator.close()

    def stop(self) -> None:
        """Let `serve` return after the present run; a test under way is not waited for."""
        self._stopping.set()
        self._simulator.stop_proving()

    def _is_proved(self) -> bool:
        now = self._clock.monotonic_seconds()
        is_recent = self._proved_seconds is not None and now - self._proved_seconds < PROOF_SECONDS
        return is_recent and self._simulator.is_ready

    def _prove(self) -> bool:
        """Test the simulator. One that can't simulate must not hold jobs that another worker could run."""
        try:
            self._simulator.prove()
        except QServerError as error:
            if self._stopping.is_set():
                return False
            log.warning("simulator_failed_its_test", lane=self._lane, error=error.message)
            self._give_back(self._board.evict(self._lane))
            return False
        log.debug("simulator_ready", lane=self._lane)
        self._proved_seconds = self._clock.monotonic_seconds()
        return True

    def _serve_run(self, run: Run) -> None:
        ending = self._simulator.run(run)
        ended_seconds = self._busy_seconds = self._clock.monotonic_seconds()
        verdict = judge(run.group, ending, gone=run.gone)
        # Jobs that run again must be on the board before this run leaves it, or a drain would see nothing left to do.
        self._give_back(self._board.retry(verdict.again))
        self._storer.put(Deposit(verdict, run.waited_seconds, ended_seconds))
        self._board.end(run)
        if not run.group.file_plugin and is_suspicious(ending):
            self._proved_seconds = None

    def _give_back(self, groups: Sequence[Group]) -> None:
        leases = [claimed.lease for group in groups for claimed in group.jobs]
        self._storer.release(leases, "the worker stopped before it could run the job")


def is_suspicious(ending: Ending) -> bool:
    """Tell whether the simulator may be what failed, and not the circuit: it must prove itself before it goes on."""
    match ending:
        case Answered(outcomes):
            return any(isinstance(each, Failure) and each.reason in _OF_THE_ENGINE for each in outcomes)
        case Refused(reason):
            return reason in _OF_THE_ENGINE
        case Died() | OutOfTime() | Interrupted() | NotStarted():
            return False  # its process is gone, and the next one proves itself anyway
        case _:
            assert_never(ending)
