"""Ends runs that must not go on: those that lost a job, and those that take more memory than they were given."""

from threading import Event

import structlog

from qserver.clock import Clock
from worker.board import Board
from worker.runs import Run, StopCause

MEMORY_CHECK_SECONDS = 0.2

log = structlog.get_logger(__name__)


class Watchdog:
    """Looks at all runs: a few times a second, and at once when it is woken.

    The memory of a run is looked at once it has gone on for `MEMORY_CHECK_SECONDS`: reading what all processes of the
    machine hold takes as long as a group of small jobs.
    """

    def __init__(self, board: Board, clock: Clock) -> None:
        """Watch the runs of `board`."""
        self._board = board
        self._clock = clock
        self._awake = Event()
        self._is_stopping = False

    def serve(self) -> None:
        """Watch until `stop`."""
        while not self._is_stopping:
            self._awake.wait(self.look())
            self._awake.clear()

    def wake(self) -> None:
        """Look now: a run may have lost a job."""
        self._awake.set()

    def stop(self) -> None:
        """Let `serve` return."""
        self._is_stopping = True
        self._awake.set()

    def look(self) -> float:
        """End what must end; give the seconds until the next look is due."""
        now = self._clock.monotonic_seconds()
        due = MEMORY_CHECK_SECONDS
        for run in self._board.runs():
            if run.stop_at_seconds is None:
                due = min(due, self._check_memory(run, now))
            elif run.stop_at_seconds <= now:
                run.stop(StopCause.GONE)
            else:
                due = min(due, run.stop_at_seconds - now)
        return due

    def _check_memory(self, run: Run, now: float) -> float:
        """Stop a run that takes too much; give the seconds until it is to be looked at again."""
        young_seconds = MEMORY_CHECK_SECONDS - (now - run.since_seconds)
        if young_seconds > 0:
            return young_seconds
        if run.stop_cause is None and run.exceeds_memory():
            log.warning("simulator_passed_memory_limit", plugin=run.group.plugin, jobs=len(run.group.jobs))
            run.stop(StopCause.MEMORY)
        return MEMORY_CHECK_SECONDS
