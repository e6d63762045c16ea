"""Which gates are Clifford, and how they are written with the gates that a stabilizer simulation knows."""

import functools
import math
from collections.abc import Hashable, Mapping, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp, Gate, Operation
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford, Operator

from plugins.aer.circuit_walk import definition_of, instructions_of, is_known

STABILIZER_GATES = frozenset(
    {"id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr", "pauli"}
)
"""Gates that Aer's stabilizer method runs as they are (0.18; `rz` is left out: it takes only some angles)."""
NON_UNITARY = frozenset({"measure", "reset", "barrier", "delay", "break_loop", "continue_loop"})
MAX_CLIFFORD_QUBITS = 2
"""Wider gates are looked at through their definitions."""

QUARTER_TURN_GATES = frozenset(
    {"rx", "ry", "rz", "r", "p", "u", "u1", "u2", "u3", "rxx", "ryy", "rzz", "rzx", "xx_minus_yy", "xx_plus_yy"}
    | {"cp", "cu1", "crx", "cry", "crz", "cu", "cu3"}
)
"""Gates that are Clifford only where their first parameter is a multiple of pi/2."""
_ANGLE_TOLERANCE = 1e-4
"""Wider than Qiskit's own: what is near is looked at closely, what is not has been told by its angle."""

_NOT_CLIFFORD = QuantumCircuit(name="not Clifford")


def is_clifford(circuit: QuantumCircuit) -> bool:
    """Say whether a stabilizer simulation can run a circuit of known operations: every gate in it is Clifford."""
    return all(_is_clifford(instruction) for instruction in instructions_of(circuit))


def clifford_rule(instruction: CircuitInstruction) -> QuantumCircuit | None:
    """Replace a Clifford gate by gates of STABILIZER_GATES; None for what is one of them already."""
    if is_known(instruction) and instruction.name in STABILIZER_GATES | NON_UNITARY:
        return None
    if isinstance(instruction.operation, ControlFlowOp):
        return None
    written = _written(instruction.operation) if is_known(instruction) else None
    return definition_of(instruction.operation) if written is None else written


def _is_clifford(instruction: CircuitInstruction) -> bool:
    if instruction.name in STABILIZER_GATES or instruction.name in NON_UNITARY or instruction.is_control_flow():
        return True
    if instruction.name in QUARTER_TURN_GATES and _is_between_quarter_turns(instruction.params[0]):
        return False
    return _written(instruction.operation) is not None


def is_clifford_gate(name: str, num_qubits: int, params: Sequence[float]) -> bool:
    """Say the same of a standard gate, known by its name and its parameters alone."""
    if name in STABILIZER_GATES:
        return True
    if num_qubits > MAX_CLIFFORD_QUBITS or (name in QUARTER_TURN_GATES and _is_between_quarter_turns(params[0])):
        return False
    return _written_standard(_gate_classes()[name], tuple(params)) is not _NOT_CLIFFORD


@functools.cache
def _gate_classes() -> Mapping[str, Hashable]:
    return {name: gate.base_class for name, gate in get_standard_gate_name_mapping().items()}


def _is_between_quarter_turns(angle: object) -> bool:
    if not isinstance(angle, int | float):
        return False
    return abs(math.remainder(angle, math.pi / 2)) > _ANGLE_TOLERANCE


def _written(operation: Operation) -> QuantumCircuit | None:
    if not isinstance(operation, Gate) or operation.num_qubits > MAX_CLIFFORD_QUBITS:
        return None
    if isinstance(operation, UnitaryGate):
        return _from_operator(operation)
    if not all(isinstance(param, int | float) for param in operation.params):
        return None
    circuit = _written_standard(operation.base_class, tuple(float(param) for param in operation.params))
    return None if circuit is _NOT_CLIFFORD else circuit


@functools.lru_cache(maxsize=4096)
def _written_standard(gate_class: type[Gate], params: tuple[float, ...]) -> QuantumCircuit:
    return _from_operator(gate_class(*params)) or _NOT_CLIFFORD


def _from_operator(gate: Gate) -> QuantumCircuit | None:
    try:
        return Clifford.from_operator(Operator(gate)).to_circuit()
    except QiskitError:
        return None
