"""Qiskit's gates in qsim's words: a kind where qsim has one, else a matrix; wider gates are written out first."""

import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate
from qiskit.circuit.library import UnitaryGate

from plugins.aer.circuit_walk import definition_of
from qserver.errors import InvalidCircuit

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "x": "kX",
        "y": "kY",
        "z": "kZ",
        "h": "kH",
        "s": "kS",
        "t": "kT",
        "cx": "kCX",
        "cz": "kCZ",
        "swap": "kSWAP",
        "iswap": "kISWAP",
        "ccx": "kCCX",
        "ccz": "kCCZ",
        "cswap": "kCSwapGate",
    }
)
"""Gates without parameters that are the same in Qiskit and qsim, phase included.

Gates with angles go as matrices: qsim works a power of a gate out in single precision, Qiskit its matrix in double.
"""
WITHOUT_EFFECT = frozenset({"barrier", "delay", "id"})
CONTROLLED_X = "mcx"
GLOBAL_PHASE = "global_phase"
KEPT = frozenset({*KINDS, *WITHOUT_EFFECT, CONTROLLED_X, GLOBAL_PHASE, "measure", "reset"})
MAX_MATRIX_QUBITS = 4
"""qsim takes matrices of up to 6 qubits; beyond 4 they are slower than what they are made of."""


def written_for_qsim(instruction: CircuitInstruction) -> QuantumCircuit | None:
    """Replace what qsim has neither a kind nor a matrix for by its definition (a rule of `circuit_walk.replace`)."""
    if instruction.name in KEPT or _has_matrix(instruction):
        return None
    return definition_of(instruction.operation)


class GateFeed:
    """Gives a circuit of qsim its gates, one moment each: qsim fuses them whatever their moments."""

    def __init__(self, qsim: ModuleType, num_qubits: int) -> None:
        """Begin with a circuit of no gates."""
        self.circuit = qsim.Circuit()
        self.circuit.num_qubits = num_qubits
        self.global_phase = 0.0
        self._qsim = qsim
        self._moment = 0

    def add(self, instruction: CircuitInstruction, qubits: Sequence[int]) -> None:
        """Add a gate on these qubits; qubit 0 is the lowest bit of the state's index. Raises InvalidCircuit."""
        name = instruction.name
        if name in WITHOUT_EFFECT:
            return
        if name == GLOBAL_PHASE:
            self.global_phase += float(instruction.params[0])
        elif name in KINDS:
            self._add_kind(KINDS[name], qubits)
        elif name == CONTROLLED_X:
            self._add_kind("kX", qubits[-1:])
            self._qsim.control_last_gate(list(qubits[:-1]), [1] * (len(qubits) - 1), self.circuit)
        elif _has_matrix(instruction):
            # The first qubit is the lowest bit of a matrix's index in Qiskit, and the highest in qsim.
            self._qsim.add_matrix_gate(self._next(), list(reversed(qubits)), _matrix(instruction), self.circuit)
        else:
            raise InvalidCircuit(f"qsim can't run {name!r} in the middle of a circuit; use the backend aer")

    def _add_kind(self, kind: str, qubits: Sequence[int]) -> None:
        self._qsim.add_gate(getattr(self._qsim, kind), self._next(), list(qubits), {}, self.circuit)

    def _next(self) -> int:
        self._moment += 1
        return self._moment


def _has_matrix(instruction: CircuitInstruction) -> bool:
    if not 1 <= len(instruction.qubits) <= MAX_MATRIX_QUBITS or instruction.clbits:
        return False
    return bool(instruction.is_standard_gate()) or isinstance(instruction.operation, UnitaryGate)


def _matrix(instruction: CircuitInstruction) -> Sequence[float]:
    if instruction.is_standard_gate() and not instruction.params:
        return _fixed_matrix(instruction.operation.base_class)
    return _interleaved(instruction.matrix)


@functools.cache
def _fixed_matrix(gate_class: type[Gate]) -> Sequence[float]:
    return _interleaved(gate_class().to_matrix())


def _interleaved(matrix: npt.NDArray[np.complexfloating]) -> Sequence[float]:
    """Give the elements row by row, real and imaginary part in turn."""
    numbers: list[float] = np.ascontiguousarray(matrix, dtype=np.complex128).view(np.float64).ravel().tolist()
    return numbers
