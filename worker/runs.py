"""A group in a simulator, as seen by the threads that may have to end it."""

from collections.abc import Sequence
from enum import StrEnum
from threading import Lock
from typing import Protocol
from uuid import UUID

from qserver.plugins import Outcome, RunLimits, Task
from qserver.sandbox.cpu_time import stood_still
from worker.deadlines import grace_seconds
from worker.groups import Group
from worker.scheduler import Need, Running


class SimulatorProcess(Protocol):
    """A child that runs tasks: of the built-in plugins, or of one file plugin."""

    @property
    def is_alive(self) -> bool:
        """Whether it can take another call."""

    def run(
        self, plugin: str, tasks: Sequence[Task], limits: RunLimits, *, timeout_seconds: float | None
    ) -> Sequence[Outcome]:
        """Run the tasks. Raises ChildTimedOut, ChildDied, or the QServerError that the plugin raised."""

    def memory_bytes(self) -> int:
        """Give its resident memory; 0 once it is dead."""

    def cpu_seconds(self) -> float | None:
        """Give the CPU time that it has used; None once it is dead."""

    def kill(self) -> None:
        """End it at once, from any thread; a pending call raises ChildDied."""

    def close(self) -> None:
        """End it and free what it holds here."""


class StopCause(StrEnum):
    """Why the worker killed a simulator under a run."""

    GONE = "gone"  # a job of the run was canceled, or its lease was lost
    MEMORY = "memory"  # it took more memory than the run was given
    STILL = "still"  # it used no CPU time for long
    DRAIN = "drain"  # the worker stops and its time to drain is over


class Run:
    """One call of a simulator. Thread-safe. All times are of the worker's monotonic clock."""

    def __init__(self, group: Group, need: Need, *, since_seconds: float, waited_seconds: float) -> None:
        """Start with no simulator; `waited_seconds` is from the group's claim (or last run) to now."""
        self.group = group
        self.need = need
        self.since_seconds = since_seconds
        self.waited_seconds = waited_seconds
        self._lock = Lock()
        self._process: SimulatorProcess | None = None
        self._memory_limit_bytes: int | None = None
        self._gone: frozenset[UUID] = frozenset()
        self._stop_at_seconds: float | None = None
        self._stop_cause: StopCause | None = None
        self._worked: tuple[float, float] | None = None  # what it had used of the CPU, and when that was new

    @property
    def gone(self) -> frozenset[UUID]:
        """Ids of jobs that were canceled or lost since the run began."""
        return self._gone

    @property
    def stop_cause(self) -> StopCause | None:
        """Why the worker killed the simulator; None if it didn't."""
        return self._stop_cause

    @property
    def stop_at_seconds(self) -> float | None:
        """When the simulator is to be killed for jobs that are gone; None if it isn't."""
        return self._stop_at_seconds

    def as_running(self) -> Running:
        """Give what the scheduler needs to know."""
        return Running(self.need, self.since_seconds, self.waited_seconds)

    def attach(self, process: SimulatorProcess, *, memory_limit_bytes: int) -> None:
        """Name the simulator that runs the group. It is killed right away if the run was stopped before it began."""
        with self._lock:
            self._process = process
            self._memory_limit_bytes = memory_limit_bytes
            if self._stop_cause is not None:
                process.kill()

    def detach(self) -> None:
        """Forget the simulator: the call is over, and what comes too late must not hit the next run."""
        with self._lock:
            self._process = None

    def lose(self, job_ids: frozenset[UUID], *, now: float) -> None:
        """Note jobs that were canceled or lost, and when the simulator is to be killed for it."""
        with self._lock:
            self._gone |= job_ids & self.group.job_ids
            if self._gone and self._stop_at_seconds is None:
                self._stop_at_seconds = now + grace_seconds(self.group, elapsed_seconds=now - self.since_seconds)

    def stop(self, cause: StopCause) -> None:
        """Kill the simulator, now or as soon as the run has one. Only the first cause is kept."""
        with self._lock:
            self._stop_cause = self._stop_cause or cause
            if self._process is not None:
                self._process.kill()

    def exceeds_memory(self) -> bool:
        """Tell whether the simulator holds more memory than the run was given."""
        with self._lock:
            if self._process is None or self._memory_limit_bytes is None:
                return False
            return self._process.memory_bytes() > self._memory_limit_bytes

    def stands_still(self, *, longer_than_seconds: float, now: float) -> bool:
        """Tell whether the simulator has done nothing for so long, as far as this was asked, and shouldn't."""
        with self._lock:
            if self._process is None or self.group.may_stand_still:
                return False
            used = self._process.cpu_seconds()
            if used is None:
                return False
            if self._worked is None or not stood_still(self._worked[0], used):
                self._worked = (used, now)
            return now - self._worked[1] > longer_than_seconds
