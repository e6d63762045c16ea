"""Telling final measurements from those in the middle, by what may still happen to their qubit or bit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, Qubit

from plugins.aer.circuit_walk import blocks_of, instructions_of

RESETTING = frozenset({"reset", "initialize"})
IDLE = frozenset({"barrier", "reset"})
"""What leaves a qubit in |0> there, so that a reset behind it is still one of an untouched qubit."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An outcome: the index of its qubit and of the classical bit it is written to."""

    qubit: int
    clbit: int


@dataclass(frozen=True, slots=True)
class SplitCircuit:
    """A circuit in two: what makes the state, and the measurements that end it.

    `body` leaves out resets of qubits that nothing has touched, since they begin in |0>, unless `split` was told to
    keep them. `is_tail` says whether the measurements already stand behind everything else, so that body and
    measurements in this order are the circuit.
    """

    body: tuple[CircuitInstruction, ...]
    measurements: tuple[Measured, ...]
    is_tail: bool
    has_leading_resets: bool
    has_other_resets: bool

    def body_circuit(self, circuit: QuantumCircuit, qubits: Sequence[Qubit]) -> QuantumCircuit:
        """Give the body as a circuit over `qubits` alone, which must be all that it touches.

        `circuit` is the one that was split; bits and registers are its own. Barriers are left out: they may reach
        further, and mean nothing to a simulator.
        """
        result = QuantumCircuit(list(qubits), circuit.clbits, *circuit.cregs, global_phase=circuit.global_phase)
        for instruction in self.body:
            if instruction.name != "barrier":
                result.append(instruction, copy=False)
        return result

    def outcomes(self) -> dict[int, int]:
        """Map each written classical bit to the qubit it shows; a bit written twice shows the later one."""
        return {measured.clbit: measured.qubit for measured in self.measurements}


def active_qubits(circuit: QuantumCircuit) -> list[Qubit]:
    """Give the qubits that anything but a barrier touches, in their order."""
    touched = {qubit for found in circuit.data if found.name != "barrier" for qubit in found.qubits}
    return [qubit for qubit in circuit.qubits if qubit in touched]


def split(circuit: QuantumCircuit, *, keeps_leading_resets: bool = False) -> SplitCircuit:
    """Split off the final measurements.

    A measurement is final when nothing but measurements and barriers acts on its qubit afterwards, and nothing reads
    its bit or writes it by other means than another final measurement. Leading resets are kept where noise may follow
    them.
    """
    instructions = tuple(circuit.data)
    final = _final_positions(instructions, circuit.num_qubits)
    may_reset = any(name in RESETTING for name in circuit.count_ops()) or circuit.has_control_flow_op()
    resets = _leading_resets(instructions) if may_reset and not keeps_leading_resets else frozenset()
    left_out = final | resets
    return SplitCircuit(
        body=tuple(found for position, found in enumerate(instructions) if position not in left_out),
        measurements=tuple(_measured(circuit, instructions[position]) for position in sorted(final)),
        is_tail=_is_tail(instructions, final),
        has_leading_resets=bool(resets),
        has_other_resets=may_reset and _has_other_resets(instructions),
    )


def _measured(circuit: QuantumCircuit, instruction: CircuitInstruction) -> Measured:
    return Measured(
        qubit=circuit.find_bit(instruction.qubits[0]).index, clbit=circuit.find_bit(instruction.clbits[0]).index
    )


def _final_positions(instructions: tuple[CircuitInstruction, ...], num_qubits: int) -> frozenset[int]:
    touched: set[Qubit | Clbit] = set()
    touched_qubits: set[Qubit] = set()
    final: set[int] = set()
    for position in range(len(instructions) - 1, -1, -1):
        instruction = instructions[position]
        if instruction.name == "barrier":
            continue
        if instruction.name == "measure" and touched.isdisjoint((*instruction.qubits, *instruction.clbits)):
            final.add(position)
            continue
        touched.update(instruction.qubits, instruction.clbits)
        touched_qubits.update(instruction.qubits)
        if len(touched_qubits) == num_qubits:
            break  # whatever is measured before this is not final
    return frozenset(final)


def _leading_resets(instructions: Iterable[CircuitInstruction]) -> frozenset[int]:
    touched: set[Qubit] = set()
    leading: set[int] = set()
    for position, instruction in enumerate(instructions):
        if instruction.name == "barrier":
            continue
        if instruction.name == "reset" and touched.isdisjoint(instruction.qubits):
            leading.add(position)
        else:
            touched.update(instruction.qubits)
    return frozenset(leading)


def _has_other_resets(instructions: Iterable[CircuitInstruction]) -> bool:
    """Say whether a reset, or an `initialize`, which begins with one, acts on a qubit already acted on."""
    touched: set[Qubit] = set()
    for instruction in instructions:
        if instruction.name in RESETTING and not touched.isdisjoint(instruction.qubits):
            return True
        if any(inner.name in RESETTING for block in blocks_of(instruction) for inner in instructions_of(block)):
            return True
        if instruction.name not in IDLE:
            touched.update(instruction.qubits)
    return False


def _is_tail(instructions: tuple[CircuitInstruction, ...], final: frozenset[int]) -> bool:
    if not final:
        return True
    behind = range(min(final), len(instructions))
    return all(position in final or instructions[position].name == "barrier" for position in behind)
