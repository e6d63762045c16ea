"""Profiles of plain circuits, made from the steps of their text: a tenth of the time that a Qiskit circuit takes.

Most circuits are plain: standard gates, barriers, and measurements at the end.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import chain

from plugins.aer.cliffords import STABILIZER_GATES, is_clifford_gate
from plugins.aer.openqasm2_statements import read_plain
from plugins.aer.plain_circuits import BARRIER, PlainCircuit, Step
from plugins.aer.profiling import entanglement_bits, rank_bits
from qserver.circuits import CircuitProfile, ClassicalRegister

MEASURE = "measure"


def plain_profile(text: str) -> CircuitProfile | None:
    """Give what `profiling.profile` gives for the circuit of a text of OpenQASM 2 that was looked at before.

    Gives None where the text is none that `read_plain` reads, or has to be refused.
    """
    circuit = read_plain(text)
    if circuit is None or circuit.num_qubits == 0:
        return None
    if not all(map(math.isfinite, chain.from_iterable(params for _, _, params in circuit.steps))):
        return None
    return _profile(circuit)


def _profile(circuit: PlainCircuit) -> CircuitProfile:
    counts = Counter(name for name, _, _ in circuit.steps)
    size = len(circuit.steps) - counts[BARRIER] + len(circuit.measurements)
    if circuit.measurements:
        counts[MEASURE] = len(circuit.measurements)
    shape = _Shape(circuit.num_qubits, circuit.num_clbits)
    shape.take_all(circuit)
    return CircuitProfile(
        num_qubits=circuit.num_qubits,
        num_clbits=circuit.num_clbits,
        depth=shape.depth,
        size=size,
        gate_counts={name: count for name, count in counts.items() if count},
        num_multi_qubit_gates=shape.num_multi_qubit_gates,
        is_clifford=_is_clifford(circuit.steps, counts),
        has_only_final_measurements=True,
        has_mid_circuit_measurement=False,
        has_reset=False,
        has_control_flow=False,
        num_measured_clbits=len({clbit for _, clbit, _ in circuit.measurements}),
        classical_registers=tuple(ClassicalRegister(each.name, each.size) for each in circuit.classical_registers),
        parameters=(),
        max_interaction_distance=shape.distance,
        entanglement_bits=entanglement_bits(shape.steps),
        num_active_qubits=len(circuit.active_qubits()),
    )


def _is_clifford(steps: Sequence[Step], names: Collection[str]) -> bool:
    others = set(names) - STABILIZER_GATES - {BARRIER, MEASURE}
    return all(is_clifford_gate(name, len(qubits), params) for name, qubits, params in steps if name in others)


class _Shape:
    """Counts in the order of the steps. Levels are of qubits, and of classical bits behind them."""

    def __init__(self, num_qubits: int, num_clbits: int) -> None:
        self.steps = [0] * num_qubits
        self.distance = 0
        self.num_multi_qubit_gates = 0
        self._qubit_levels = [0] * num_qubits
        self._clbit_levels = [0] * num_clbits

    @property
    def depth(self) -> int:
        return max(*self._qubit_levels, *self._clbit_levels, 0)

    def take_all(self, circuit: PlainCircuit) -> None:
        taken = 0
        for qubit, clbit, position in circuit.measurements:
            if position > taken:
                self._take(circuit.steps[taken:position])
                taken = position
            level = max(self._qubit_levels[qubit], self._clbit_levels[clbit]) + 1
            self._qubit_levels[qubit] = self._clbit_levels[clbit] = level
        self._take(circuit.steps[taken:])

    def _take(self, steps: Sequence[Step]) -> None:
        levels = self._qubit_levels
        for name, qubits, _ in steps:
            match len(qubits):
                case 1 if name != BARRIER:
                    levels[qubits[0]] += 1
                case 2 if name != BARRIER:
                    low, high = qubits if qubits[0] < qubits[1] else reversed(qubits)
                    levels[low] = levels[high] = max(levels[low], levels[high]) + 1
                    self._entangle(name, 2, low, high)
                case width:
                    self._take_rest(name, qubits, width)

    def _take_rest(self, name: str, qubits: Sequence[int], width: int) -> None:
        is_gate = name != BARRIER
        level = max(map(self._qubit_levels.__getitem__, qubits), default=0) + is_gate
        for qubit in qubits:
            self._qubit_levels[qubit] = level
        if is_gate:
            self._entangle(name, width, min(qubits), max(qubits))

    def _entangle(self, name: str, width: int, low: int, high: int) -> None:
        self.num_multi_qubit_gates += 1
        bits = rank_bits(name, width)
        self.steps[low] += bits
        self.steps[high] -= bits
        self.distance = max(self.distance, high - low)
