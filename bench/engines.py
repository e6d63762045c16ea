"""The second engine against the first: `python -m bench.engines 16 22 24`. Dense circuits of depth 20, run whole.

Aer is called by hand in either precision and with three widths of fused gates, on all cores; the best of them counts.
qsim runs as the plugin runs it, from the circuit's QPY to its counts. Runs are interleaved; medians are shown.
"""

import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping

from qiskit import QuantumCircuit, qpy
from qiskit_aer import AerSimulator

from plugins.auto.calibration import dense_circuit
from plugins.qsim.plugin import QsimPlugin
from qserver.circuits import Circuit, CircuitFormat
from qserver.jobs import RunRequest
from qserver.plugins import Resources, RunLimits, Success, Task
from qserver.results import ResultType

DEPTH = 20
SHOTS = 1000
ROUNDS = 3
MEMORY_BYTES = 8 * 2**30
FUSED_QUBITS = (3, 4, 5)


def main(widths: list[int]) -> None:
    """Print a line a width: seconds of qsim, of Aer at its best, and the ratio."""
    for width in widths:
        circuit = dense_circuit(width, DEPTH)
        circuit.measure_all()
        runs = {"qsim": _qsim(circuit), **_aers(circuit)}
        seconds = _medians(runs)
        qsim = seconds.pop("qsim")
        best = min(seconds, key=seconds.__getitem__)
        print(f"{width} qubits: qsim {qsim:.3f} s; Aer {seconds[best]:.3f} s ({best}); {seconds[best] / qsim:.1f} x")


def _medians(runs: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for call in runs.values():
        call()
    for _ in range(ROUNDS):
        for name, call in runs.items():
            started = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(found) for name, found in times.items()}


def _aers(circuit: QuantumCircuit) -> dict[str, Callable[[], object]]:
    """Give Aer in each of its settings, without looking at the result beyond its counts."""
    return {
        f"{precision}, gates fused to {qubits}": _aer(circuit, precision, qubits)
        for precision in ("double", "single")
        for qubits in FUSED_QUBITS
    }


def _aer(circuit: QuantumCircuit, precision: str, fused_qubits: int) -> Callable[[], object]:
    simulator = AerSimulator(method="statevector", precision=precision, fusion_max_qubit=fused_qubits)
    return lambda: simulator.run(circuit, shots=SHOTS).result().data(0)["counts"]


def _qsim(circuit: QuantumCircuit) -> Callable[[], object]:
    plugin = QsimPlugin()
    task = _task(plugin, circuit)
    cores = len(os.sched_getaffinity(0))
    limits = RunLimits(MEMORY_BYTES, threads=cores if task.plan.threads == 0 else 1, result_bytes=2**26)

    def run() -> None:
        (outcome,) = plugin.run([task], limits)
        if not isinstance(outcome, Success):
            raise RuntimeError(outcome.message)  # noqa: TRY004 - a failure of the run, not of a type

    return run


def _task(plugin: QsimPlugin, circuit: QuantumCircuit) -> Task:
    written = io.BytesIO()
    qpy.dump(circuit, written)
    source = written.getvalue()
    inspected = Circuit(CircuitFormat.QPY, source, plugin.inspect(source, CircuitFormat.QPY))
    request = RunRequest("qsim", frozenset({ResultType.COUNTS}), shots=SHOTS)
    plan = plugin.plan(inspected.inspection.profile, request, Resources(MEMORY_BYTES, 0, 2))
    return Task("bench", inspected, request, plan)


if __name__ == "__main__":
    main([int(width) for width in sys.argv[1:]] or [16, 22, 24])
