"""Where simulators' processes come from."""

from collections.abc import Callable

from plugins.sandboxed import spawn_plugin_process
from qserver.errors import ExecutionError, Reason
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from worker.capacity import Capacity
from worker.environment import simulator_environment
from worker.groups import Lane
from worker.runs import SimulatorProcess
from worker.selftest import InspectingProcess

BASE_TASKS = 256
"""Threads that a simulator may have beside those that compute, of which OpenMP starts one a core."""

SpawnFilePlugin = Callable[[str], SimulatorProcess]


class LaneProcesses:
    """The processes of one lane: built-in plugins by the forkserver, file plugins by whoever serves them here."""

    def __init__(
        self,
        forkserver: Forkserver,
        *,
        entry: str,
        lane: Lane,
        capacity: Capacity,
        spawn_file_plugin: SpawnFilePlugin | None,
    ) -> None:
        """Ask `forkserver` for `entry`; without `spawn_file_plugin` no file plugins are served."""
        self._forkserver = forkserver
        self._entry = entry
        self._limits = simulator_limits(lane, capacity)
        self._environment = simulator_environment(lane, cores=capacity.cores)
        self._spawn_file_plugin = spawn_file_plugin

    def built_in(self) -> InspectingProcess:
        """Start a process of the built-in plugins. Raises what `Forkserver.spawn` raises."""
        return spawn_plugin_process(self._forkserver, self._limits, environment=self._environment, entry=self._entry)

    def file_plugin(self, plugin: str) -> SimulatorProcess:
        """Start a process of a file plugin. Raises a QServerError where that can't be had."""
        if self._spawn_file_plugin is None:
            raise ExecutionError("this worker serves no file plugins", reason=Reason.PLUGIN_UNAVAILABLE)
        return self._spawn_file_plugin(plugin)


def simulator_limits(lane: Lane, capacity: Capacity) -> Limits:
    """Give what the kernel holds every process of a lane to; each run has its own, tighter limit beside it.

    A process with a GPU has no limit of memory: the driver maps more than one could foresee. Its runs are watched. And
    the driver may start a program that makes its devices.
    """
    on_gpu = lane is Lane.GPU
    return Limits(
        memory_bytes=None if on_gpu else capacity.memory_bytes,
        may_start_processes=on_gpu,
        tasks=BASE_TASKS + 2 * capacity.cores,
    )
