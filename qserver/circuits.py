"""Circuits as every part sees them: bytes in a named format, and a profile of plain numbers. No Qiskit type here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CircuitFormat(StrEnum):
    """What the bytes of a circuit are."""

    OPENQASM2 = "openqasm2"  #: `OPENQASM 2.0;`, strict or with Qiskit's legacy extensions
    OPENQASM3 = "openqasm3"  #: `OPENQASM 3;` or `3.0`, `3.1`
    QPY = "qpy"  #: Qiskit's binary format, version 13 and newer, one circuit
    TEXT = "text"  #: any non-empty text: only the file plugin that runs it knows its format


@dataclass(frozen=True, slots=True)
class ClassicalRegister:
    """A named row of classical bits, in the order of declaration (the last one stands leftmost in a bitstring)."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class CircuitProfile:
    """What planning needs to know of a circuit, found once at ingest.

    Counts of gates are of the circuit as written, custom gates under their own name; `basis_counts` are after expanding
    custom gates into standard ones, where that was needed to run it.
    """

    num_qubits: int
    num_clbits: int
    depth: int
    size: int
    gate_counts: Mapping[str, int]
    num_multi_qubit_gates: int
    is_clifford: bool
    has_only_final_measurements: bool
    has_mid_circuit_measurement: bool
    has_reset: bool
    has_control_flow: bool
    num_measured_clbits: int
    classical_registers: tuple[ClassicalRegister, ...]
    parameters: tuple[str, ...]
    basis_counts: Mapping[str, int] = field(default_factory=dict)
    max_interaction_distance: int = 0  #: largest `|i - j|` of qubits i, j that share a gate: small means a narrow chain
    entanglement_bits: int | None = None  #: Schmidt rank <= `2 ** this` at every cut of the qubits; None: unknown
    num_active_qubits: int | None = None  #: qubits that anything but a barrier touches; None: take all

    @property
    def has_measurements(self) -> bool:
        """Whether any outcome is ever written to a classical bit."""
        return self.num_measured_clbits > 0


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an inspector found: the profile, and the circuit in the form that workers load fastest."""

    circuit_format: CircuitFormat
    profile: CircuitProfile | None  #: None for TEXT: only the plugin can read it
    qpy: bytes | None


@dataclass(frozen=True, slots=True)
class CircuitSource:
    """A circuit as it came, which nobody has read yet."""

    circuit_format: CircuitFormat
    source: bytes


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit ready to run: what the client sent, and what the inspector made of it."""

    circuit_format: CircuitFormat
    source: bytes
    inspection: Inspection

    @property
    def size_bytes(self) -> int:
        """What it holds of both."""
        return len(self.source) + len(self.inspection.qpy or b"")
