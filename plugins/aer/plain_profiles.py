"""Profiles of plain circuits, made from the steps of their text: a tenth of the time that a Qiskit circuit takes.

Most circuits are plain: standard gates, barriers, and measurements at the end.
"""

import math
from collections import Counter
from collections.abc import Sequence

from plugins.aer.cliffords import is_clifford_gate
from plugins.aer.openqasm2_steps import tell_steps
from plugins.aer.profiling import entanglement_bits, rank_bits
from qserver.circuits import CircuitProfile, ClassicalRegister

BARRIER, MEASURE = "barrier", "measure"


def plain_profile(text: str) -> CircuitProfile | None:
    """Give what `profiling.profile` gives for the circuit of a text of OpenQASM 2 that was looked at before.

    Gives None where the text is none that `tell_steps` reads, or has to be refused.
    """
    counting = _Counting()
    return counting.profile() if tell_steps(text, counting) and counting.is_sound else None


class _Counting:
    """Counts as the steps are told. Levels are of qubits, and of classical bits behind them."""

    def __init__(self) -> None:
        self.is_sound = True
        self._qubit_levels: list[int] = []
        self._clbit_levels: list[int] = []
        self._registers: list[ClassicalRegister] = []
        self._counts: Counter[str] = Counter()
        self._steps: list[int] = []
        self._active: set[int] = set()
        self._measured: set[int] = set()
        self._distance = 0
        self._multi_qubit_gates = 0
        self._is_clifford = True

    def quantum_register(self, size: int) -> None:
        self._qubit_levels += [0] * size
        self._steps += [0] * size

    def classical_register(self, name: str, size: int) -> None:
        self._clbit_levels += [0] * size
        self._registers.append(ClassicalRegister(name, size))

    def gate(self, name: str, qubits: list[int], params: Sequence[float]) -> None:
        self._counts[name] += 1
        if len(self._active) < len(self._qubit_levels):
            self._active.update(qubits)
        if params:
            self.is_sound = self.is_sound and all(map(math.isfinite, params))
        if self._is_clifford:
            self._is_clifford = self.is_sound and is_clifford_gate(name, len(qubits), params)
        if len(qubits) == 1:
            self._qubit_levels[qubits[0]] += 1
        else:
            self._entangle(name, qubits)

    def measure(self, qubit: int, clbit: int) -> None:
        self._counts[MEASURE] += 1
        self._active.add(qubit)
        self._measured.add(clbit)
        level = max(self._qubit_levels[qubit], self._clbit_levels[clbit]) + 1
        self._qubit_levels[qubit] = self._clbit_levels[clbit] = level

    def barrier(self, qubits: list[int]) -> None:
        self._counts[BARRIER] += 1
        self._rise(qubits, 0)

    def profile(self) -> CircuitProfile | None:
        if not self._qubit_levels:
            return None
        return CircuitProfile(
            num_qubits=len(self._qubit_levels),
            num_clbits=len(self._clbit_levels),
            depth=max(*self._qubit_levels, *self._clbit_levels, 0),
            size=self._counts.total() - self._counts[BARRIER],
            gate_counts={name: count for name, count in self._counts.items() if count},
            num_multi_qubit_gates=self._multi_qubit_gates,
            is_clifford=self._is_clifford,
            has_only_final_measurements=True,
            has_mid_circuit_measurement=False,
            has_reset=False,
            has_control_flow=False,
            num_measured_clbits=len(self._measured),
            classical_registers=tuple(self._registers),
            parameters=(),
            max_interaction_distance=self._distance,
            entanglement_bits=entanglement_bits(self._steps),
            num_active_qubits=len(self._active),
        )

    def _entangle(self, name: str, qubits: list[int]) -> None:
        self._rise(qubits, 1)
        self._multi_qubit_gates += 1
        low, high = min(qubits), max(qubits)
        bits = rank_bits(name, len(qubits))
        self._steps[low] += bits
        self._steps[high] -= bits
        self._distance = max(self._distance, high - low)

    def _rise(self, qubits: list[int], height: int) -> None:
        level = max((self._qubit_levels[qubit] for qubit in qubits), default=0) + height
        for qubit in qubits:
            self._qubit_levels[qubit] = level
