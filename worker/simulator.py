"""A place where groups run: one warm child process at a time, replaced when it dies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

import structlog

from qserver.errors import QServerError, Reason
from qserver.plugins import RunLimits
from qserver.sandbox.errors import ChildDied, ChildMisbehaved, ChildTimedOut
from qserver.settings import MIB
from worker.capacity import Capacity
from worker.deadlines import run_seconds
from worker.groups import Group, Lane, tasks_of
from worker.runs import Run, SimulatorProcess, StopCause
from worker.selftest import InspectingProcess
from worker.verdicts import Answered, Died, Ending, Interrupted, NotStarted, OutOfTime, Refused

MEMORY_MARGIN = 1.25
"""How far a plugin's estimate may be off before its run counts as having passed its memory."""

BASE_MEMORY_BYTES = 512 * MIB
"""What interpreter and libraries take in a simulator's resident memory, beside the states it holds."""

Proof = Callable[[InspectingProcess], None]
"""Simulates what has a known answer. Raises a QServerError where that fails."""


class ProcessSource(Protocol):
    """Starts processes for one lane. Both methods raise a QServerError where none can be had now."""

    def built_in(self) -> InspectingProcess:
        """Start a process of the built-in plugins."""

    def file_plugin(self, plugin: str) -> SimulatorProcess:
        """Start a process of a file plugin."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What holds for every run."""

    longest_seconds: float  # for jobs that name no time limit
    result_bytes: int  # of one job


class Simulator:
    """Runs groups in processes that it keeps from one group to the next. Used by one thread, but for `stop_proving`.

    It has a process of the built-in plugins and, once a job wanted one, a process of the latest file plugin.
    """

    def __init__(self, source: ProcessSource, proof: Proof, capacity: Capacity, settings: RunSettings) -> None:
        """Have no process yet."""
        self._source = source
        self._proof = proof
        self._capacity = capacity
        self._settings = settings
        self._built_in: InspectingProcess | None = None
        self._proving: InspectingProcess | None = None
        self._file_plugin: str | None = None
        self._of_file_plugin: SimulatorProcess | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the process of the built-in plugins lives."""
        return self._built_in is not None and self._built_in.is_alive

    def prove(self) -> None:
        """Show that it can simulate. Raises a QServerError where it can't; its processes are then gone."""
        try:
            self._proving = self._built_in_process()
            self._proof(self._proving)
        except QServerError:
            self.close()
            raise
        finally:
            self._proving = None

    def stop_proving(self) -> None:
        """End a proof under way, from any thread: `prove` then raises. No run may start any more."""
        if (process := self._proving) is not None:
            process.kill()

    def run(self, run: Run) -> Ending:
        """Run the group to its end, whatever that is."""
        group = run.group
        try:
            process = self._process_of(group.plugin) if group.file_plugin else self._built_in_process()
        except QServerError as error:
            log.warning("simulator_not_started", plugin=group.plugin, error=error.message)
            return NotStarted(error.message, lose_attempt=group.file_plugin)
        limits = run_limits(group, self._capacity, result_bytes=self._settings.result_bytes)
        run.attach(process, memory_limit_bytes=resident_limit_bytes(group, self._capacity))
        try:
            return self._call(run, process, limits)
        finally:
            run.detach()

    def close(self) -> None:
        """End the processes."""
        self.rest()
        if self._built_in is not None:
            self._built_in.close()
            self._built_in = None

    def rest(self) -> None:
        """End the process of a file plugin: it holds memory, and its plugin may be gone."""
        if self._of_file_plugin is not None:
            self._of_file_plugin.close()
            self._of_file_plugin = None

    def _built_in_process(self) -> InspectingProcess:
        if self._built_in is None or not self._built_in.is_alive:
            if self._built_in is not None:
                self._built_in.close()
            self._built_in = self._source.built_in()
        return self._built_in

    def _process_of(self, plugin: str) -> SimulatorProcess:
        if self._of_file_plugin is None or not self._of_file_plugin.is_alive or self._file_plugin != plugin:
            self.rest()
            self._of_file_plugin, self._file_plugin = self._source.file_plugin(plugin), plugin
        return self._of_file_plugin

    def _call(self, run: Run, process: SimulatorProcess, limits: RunLimits) -> Ending:
        group = run.group
        seconds = run_seconds(group, longest_seconds=self._settings.longest_seconds)
        tasks = [task for claimed in group.jobs for task in tasks_of(claimed)]
        try:
            return Answered(process.run(group.plugin, tasks, limits, timeout_seconds=seconds))
        except ChildTimedOut:
            return OutOfTime(seconds)
        except ChildMisbehaved as error:
            return Refused(Reason.PLUGIN_ERROR, error.message)
        except ChildDied as error:
            return _explain(error, run.stop_cause, limits)
        except QServerError as error:
            return Refused(error.reason, error.message)


def run_limits(group: Group, capacity: Capacity, *, result_bytes: int) -> RunLimits:
    """Tell the plugin what its run may use."""
    return RunLimits(
        memory_bytes=_memory_bytes(group, capacity),
        threads=_threads(group, capacity),
        result_bytes=result_bytes,
    )


def resident_limit_bytes(group: Group, capacity: Capacity) -> int:
    """Tell past which resident memory the run's simulator is killed."""
    on_gpu = group.lane is Lane.GPU  # its states lie elsewhere; what it holds here is results
    return BASE_MEMORY_BYTES + (capacity.memory_bytes if on_gpu else _memory_bytes(group, capacity))


def _threads(group: Group, capacity: Capacity) -> int:
    match group.lane:
        case Lane.GPU:
            return capacity.cores
        case Lane.WIDE:
            return capacity.of_wide(group.memory_bytes).threads
        case Lane.NARROW:
            return 1
        case _:
            assert_never(group.lane)


def _memory_bytes(group: Group, capacity: Capacity) -> int:
    match group.lane:
        case Lane.GPU:
            return capacity.gpu_memory_bytes
        case Lane.WIDE:
            return capacity.of_wide(group.memory_bytes).memory_bytes
        case Lane.NARROW:
            # A share is never refused, however little was foreseen: estimates are rough, and most jobs are small.
            estimate_bytes = int(group.memory_bytes * MEMORY_MARGIN)
            return min(capacity.memory_bytes, max(capacity.share_bytes, estimate_bytes))
        case _:
            assert_never(group.lane)


def _explain(error: ChildDied, cause: StopCause | None, limits: RunLimits) -> Ending:
    out_of_memory = f"the job needed more than the {limits.memory_bytes // MIB:,} MiB that its simulator may use"
    match cause:
        case StopCause.GONE | StopCause.DRAIN:
            return Interrupted()
        case StopCause.MEMORY:
            return Died(out_of_memory, lack_of_memory=True)
        case StopCause.STILL:
            return Died("its simulator stood still and was killed", lack_of_memory=False)
        case None:
            message = out_of_memory if error.out_of_memory else f"its simulator failed: {error.message}"
            return Died(message, lack_of_memory=error.out_of_memory)
