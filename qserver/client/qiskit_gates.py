"""Gates of Qiskit's library that QPY writes and can't make again, put into what they stand for."""

from functools import cache

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    CircuitInstruction,
    ControlledGate,
    Delay,
    Gate,
    Instruction,
    Measure,
    Operation,
    Reset,
)
from qiskit.circuit.library import (
    C4XGate,
    DiagonalGate,
    Initialize,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)

_MADE_AGAIN = frozenset(
    {Barrier, Delay, Initialize, Measure, Reset, DiagonalGate, UnitaryGate}
    | {C4XGate, MCXGate, PauliEvolutionGate, PauliGate, PermutationGate}
)
"""QPY keeps a gate's class and parameters, and calls the one with the other. Most of the library's other classes are
made otherwise: a UCGate takes a list, a MultiplierGate a number of qubits, and the inverse of a StatePreparation comes
back as what it is the inverse of (seen with Qiskit 2.6, QPY 13)."""


def written_out(circuit: QuantumCircuit) -> QuantumCircuit:
    """Give the circuit with those gates written out; the same object where there are none."""
    if all(map(_is_kept, circuit.data)):
        return circuit
    plain = circuit.copy_empty_like()
    for found in circuit.data:
        if _is_kept(found):
            plain.append(found)
        elif found.is_control_flow():
            blocks = [written_out(block) for block in found.operation.blocks]
            plain.append(found.operation.replace_blocks(blocks), found.qubits, found.clbits)
        else:
            plain.compose(written_out(found.operation.definition), found.qubits, found.clbits, inplace=True)
    return plain


def _is_kept(found: CircuitInstruction) -> bool:
    if found.is_standard_gate():
        return True
    if found.is_control_flow():
        return all(_is_kept(inner) for block in found.operation.blocks for inner in block.data)
    return _is_made_again(found.operation)


def _is_made_again(operation: Operation) -> bool:
    kind = type(operation)
    if kind in _MADE_AGAIN or getattr(operation, "base_class", kind) in _standard_classes():
        return True
    if kind is ControlledGate and not _is_made_again(operation.base_gate):
        return False
    is_of_the_library = isinstance(operation, Instruction) and kind.__module__.startswith("qiskit.")
    if not is_of_the_library or operation.definition is None:
        return True  # Aer's instructions, Cliffords, opaque gates: theirs are other ways
    is_anybodys = kind in {Gate, Instruction, ControlledGate}  # kept by definition, not by class
    return is_anybodys and all(map(_is_kept, operation.definition.data))


@cache
def _standard_classes() -> frozenset[type]:
    return frozenset(gate.base_class for gate in get_standard_gate_name_mapping().values())
