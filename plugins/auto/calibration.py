"""How fast both engines are on this machine, measured once in each simulator process that needs to know: some 50 ms."""

import functools
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit_aer.library import SaveProbabilities

from plugins.aer.engine import EngineFault, EngineSettings
from plugins.aer.engine import simulate as simulate_by_aer
from plugins.aer.methods import Device, FloatPrecision, Method
from plugins.aer.options import AerOptions
from plugins.qsim.engine import Body
from plugins.qsim.engine import simulate as simulate_by_qsim
from qserver.errors import ExecutionError

QUBITS = 16
LAYERS = 6
RUNS = 2
MEMORY_MIB = 64
NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Figures:
    """What a gate costs for each amplitude of the state, in nanoseconds, in single precision with so many threads."""

    threads: int
    aer: float
    qsim: float

    @property
    def is_qsim_faster(self) -> bool:
        """Whether qsim holds a state better here."""
        return self.qsim < self.aer

    @property
    def words(self) -> str:
        """Say both figures to people."""
        return (
            f"measured on this machine, {QUBITS} qubits, threads: {self.threads}: a gate costs {self.qsim:.2g} ns an "
            f"amplitude with qsim, {self.aer:.2g} ns with Aer"
        )


@functools.cache
def figures(threads: int) -> Figures:
    """Measure both engines with so many threads; at the first call alone."""
    circuit = dense_circuit(QUBITS, LAYERS)
    amplitude_gates = len(circuit.data) << QUBITS
    return Figures(
        threads=threads,
        aer=NANOSECONDS * _seconds(lambda: _run_aer(circuit, threads)) / amplitude_gates,
        qsim=NANOSECONDS * _seconds(lambda: _run_qsim(circuit, threads)) / amplitude_gates,
    )


def dense_circuit(num_qubits: int, layers: int) -> QuantumCircuit:
    """Give layers of random rotations of every qubit and of CX on random pairs; always the same."""
    numbers = random.Random(num_qubits)  # noqa: S311 - no secret
    circuit = QuantumCircuit(num_qubits)
    for _ in range(layers):
        for qubit in range(num_qubits):
            circuit.u(*(numbers.uniform(0, 2 * math.pi) for _ in range(3)), qubit)
        order = numbers.sample(range(num_qubits), num_qubits)
        for control, target in zip(order[::2], order[1::2], strict=False):
            circuit.cx(control, target)
    return circuit


def _seconds(call: Callable[[], object]) -> float:
    """Time the best of a few runs; the first also loads what the engine needs."""
    return min(_timed(call) for _ in range(RUNS))


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _run_aer(circuit: QuantumCircuit, threads: int) -> None:
    saving = circuit.copy()
    saving.append(SaveProbabilities(1), saving.qubits[:1])
    options = AerOptions(float_precision=FloatPrecision.SINGLE)
    settings = EngineSettings(Method.STATEVECTOR, Device.CPU, options, threads, MEMORY_MIB)
    (outcome,) = simulate_by_aer([saving], settings, shots=1, seed=1, wants_memory=False, has_saves=True)
    if isinstance(outcome, EngineFault):
        raise ExecutionError(f"Aer can't be measured: {outcome.message}", reason=outcome.reason)


def _run_qsim(circuit: QuantumCircuit, threads: int) -> None:
    places = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    body = Body(tuple(circuit.data), places, float(circuit.global_phase))
    simulate_by_qsim(body, threads=threads, memory_bytes=MEMORY_MIB * 2**20)
