"""A known answer: a Bell pair, simulated before a simulator counts as ready.

What it finds: libraries that don't load, a GPU that was taken away, a confinement that forbids what the engine needs.
"""

from collections.abc import Sequence
from typing import Protocol

from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.errors import ExecutionError, Reason
from qserver.jobs import RunRequest
from qserver.plugins import Failure, Plugin, Resources, RunLimits, Success, Task
from qserver.results import ResultType
from worker.capacity import Capacity
from worker.groups import GPU_DEVICE, Lane
from worker.runs import SimulatorProcess

BELL_PAIR = b"""OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
h q[0];
cx q[0], q[1];
measure q -> c;
"""
SHOTS = 100
TIMEOUT_SECONDS = 60.0
"""A first simulation loads libraries, on a busy machine with a cold disk, and on a GPU compiles kernels."""

RESULT_BYTES = 1024 * 1024


class InspectingProcess(SimulatorProcess, Protocol):
    """A process of the built-in plugins: it also parses circuits."""

    def inspect(
        self, plugin: str, source: bytes, circuit_format: CircuitFormat, *, timeout_seconds: float | None
    ) -> Inspection:
        """Parse and profile a circuit. Raises as `run` does."""


class SelfTest:
    """Runs a Bell pair on one device by one plugin."""

    def __init__(self, plugin: Plugin, *, lane: Lane, capacity: Capacity) -> None:
        """Test by a plugin that reads OpenQASM 2 and gives counts: see `plugin_for_test`."""
        self._plugin = plugin
        self._lane = lane
        self._capacity = capacity
        self._backend = _backends_for_test(plugin)[0]

    def __call__(self, process: InspectingProcess) -> None:
        """Raise a QServerError unless the process simulates a Bell pair as it should."""
        inspection = process.inspect(
            self._plugin.name, BELL_PAIR, CircuitFormat.OPENQASM2, timeout_seconds=TIMEOUT_SECONDS
        )
        task = self._task(Circuit(CircuitFormat.OPENQASM2, BELL_PAIR, inspection))
        limits = RunLimits(memory_bytes=self._capacity.share_bytes, threads=1, result_bytes=RESULT_BYTES)
        for outcome in process.run(self._plugin.name, [task], limits, timeout_seconds=TIMEOUT_SECONDS):
            check_bell_pair(outcome, device=task.plan.device)

    def _task(self, circuit: Circuit) -> Task:
        on_gpu = self._lane is Lane.GPU
        request = RunRequest(
            backend=self._backend,
            result_types=frozenset({ResultType.COUNTS}),
            shots=SHOTS,
            options={"device": GPU_DEVICE} if on_gpu else {},
        )
        resources = Resources(
            memory_bytes=self._capacity.memory_bytes,
            gpu_memory_bytes=self._capacity.gpu_memory_bytes if on_gpu else 0,
            cores=self._capacity.cores,
        )
        plan = self._plugin.plan(circuit.inspection.profile, request, resources)
        return Task(key="selftest", circuit=circuit, request=request, plan=plan)


def check_bell_pair(outcome: Success | Failure, *, device: str) -> None:
    """Raise ExecutionError unless the outcome holds the counts of a Bell pair, simulated on `device`."""
    if isinstance(outcome, Failure):
        raise ExecutionError(f"the self-test failed: {outcome.message}", reason=outcome.reason)
    if outcome.result.run.device != device:
        raise ExecutionError(
            f"the self-test ran on {outcome.result.run.device}, not on {device}", reason=Reason.INTERNAL
        )
    counts = outcome.result.counts or {}
    if not counts.keys() <= {"00", "11"} or sum(counts.values()) != SHOTS:
        raise ExecutionError(f"the self-test's counts of a Bell pair are {dict(counts)}", reason=Reason.INTERNAL)


def plugin_for_test(plugins: Sequence[Plugin]) -> Plugin | None:
    """Give the first plugin that can run the test."""
    return next((plugin for plugin in plugins if _backends_for_test(plugin)), None)


def _backends_for_test(plugin: Plugin) -> Sequence[str]:
    return [
        spec.name
        for spec in plugin.backends()
        if CircuitFormat.OPENQASM2 in spec.formats and ResultType.COUNTS in spec.result_types
    ]
