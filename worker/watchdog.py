"""Ends runs that must not go on: those that lost a job, that take more memory than they were given, or stand still."""

from threading import Event

import structlog

from qserver.clock import Clock
from worker.board import Board
from worker.runs import Run, StopCause

MEMORY_CHECK_SECONDS = 0.2

STILL_FOR_SECONDS = 20.0
"""A simulator that has used no CPU time for so long under a run was stopped, or waits for what never comes."""

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
                due = min(due, self._check(run, now))
            elif run.stop_at_seconds <= now:
                run.stop(StopCause.GONE)
            else:
                due = min(due, run.stop_at_seconds - now)
        return due

    def _check(self, run: Run, now: float) -> float:
        """Stop a run that takes too much or does nothing; give the seconds until it is to be looked at again."""
        young_seconds = MEMORY_CHECK_SECONDS - (now - run.since_seconds)
        if young_seconds > 0:
            return young_seconds
        if run.stop_cause is None and run.exceeds_memory():
            log.warning("simulator_passed_memory_limit", plugin=run.group.plugin, jobs=len(run.group.jobs))
            run.stop(StopCause.MEMORY)
        if run.stop_cause is None and run.stands_still(longer_than_seconds=STILL_FOR_SECONDS, now=now):
            log.warning("simulator_stands_still", plugin=run.group.plugin, jobs=len(run.group.jobs))
            run.stop(StopCause.STILL)
        return MEMORY_CHECK_SECONDS
