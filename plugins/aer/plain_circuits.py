"""Plain circuits as lists: standard gates, barriers, and measurements that nothing follows on their qubit."""

from collections.abc import Sequence
from dataclasses import dataclass

BARRIER = "barrier"

Step = tuple[str, Sequence[int], Sequence[float]]
"""A gate of `gate_calls.GATE_CALLS` by Qiskit's name, or a barrier; its qubits by their index; its parameters."""
Measurement = tuple[int, int, int]
"""Qubit, classical bit, and how many steps stand before it."""


@dataclass(frozen=True, slots=True)
class Register:
    """So many qubits or classical bits in a row, and their name."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class PlainCircuit:
    """What a text says. Bits are numbered through all registers of their kind; a gate names no qubit twice."""

    quantum_registers: Sequence[Register]
    classical_registers: Sequence[Register]
    steps: Sequence[Step]
    measurements: Sequence[Measurement]

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return sum(register.size for register in self.quantum_registers)

    @property
    def num_clbits(self) -> int:
        """Number of classical bits."""
        return sum(register.size for register in self.classical_registers)

    def active_qubits(self) -> set[int]:
        """Give the qubits that anything but a barrier acts on."""
        active = set().union(*(qubits for name, qubits, _ in self.steps if name != BARRIER))
        return active.union(qubit for qubit, _, _ in self.measurements)
