"""Walking circuits: into the blocks of control flow, and into what gates are defined by. No Aer here."""

import math
from collections.abc import Callable, Iterator, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import (
    Barrier,
    BoxOp,
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    Instruction,
    Measure,
    Operation,
    Reset,
    Store,
    WhileLoopOp,
)
from qiskit.circuit.library import C4XGate, DiagonalGate, Initialize, MCXGate, PauliGate, UnitaryGate
from qiskit.exceptions import QiskitError
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import HighLevelSynthesis

from plugins.aer.gate_arithmetic import MAX_OPERATIONS
from qserver.errors import InvalidCircuit, TooLarge

_SETS_OF_AER = frozenset(
    {
        "set_statevector",
        "set_density_matrix",
        "set_stabilizer",
        "set_unitary",
        "set_superop",
        "set_matrix_product_state",
    }
)

KNOWN_OPERATIONS = (
    Barrier,
    BreakLoopOp,
    C4XGate,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    DiagonalGate,
    Initialize,
    MCXGate,
    Measure,
    PauliGate,
    Reset,
    Store,
    UnitaryGate,
)
"""Operations beside standard gates that mean the same to an engine as their name says."""

BOX = "box"
MAX_DEFINITION_DEPTH = 100
"""Gates that are defined by gates that are defined by gates: walking them takes Python's stack."""

Rule = Callable[[CircuitInstruction], QuantumCircuit | None]
"""Gives the circuit that an instruction is to be replaced by, or None to keep it."""


def is_known(instruction: CircuitInstruction) -> bool:
    """Say whether the name of an operation can be trusted: a user's own gate may be called `h` and be no Hadamard."""
    if instruction.is_standard_gate():
        return True
    return isinstance(instruction.operation, KNOWN_OPERATIONS) and instruction.name != BOX


def instructions_of(circuit: QuantumCircuit) -> Iterator[CircuitInstruction]:
    """Give every instruction, those in blocks of control flow included, each once."""
    for instruction in circuit.data:
        yield instruction
        for block in blocks_of(instruction):
            yield from instructions_of(block)


def blocks_of(instruction: CircuitInstruction) -> Sequence[QuantumCircuit]:
    """Give the blocks of a control-flow instruction, none for any other; a box is no more than what is in it."""
    if not instruction.is_control_flow() or instruction.name == BOX:
        return ()
    blocks: Sequence[QuantumCircuit] = instruction.operation.blocks
    return blocks


def definition_of(operation: Operation) -> QuantumCircuit:
    """Give the circuit that an operation stands for. Raises InvalidCircuit where there is none."""
    if isinstance(operation, BoxOp):
        return operation.body
    try:
        definition = operation.definition if isinstance(operation, Instruction) else None
        if definition is None:
            definition = _synthesized(operation)
    except (QiskitError, ValueError, TypeError, ArithmeticError) as error:
        # It is worked out only now, with the numbers that the circuit gives: logarithms of 0, powers without end.
        words = error.message if isinstance(error, QiskitError) else error
        raise InvalidCircuit(f"gate {operation.name!r} can't be written out: {words}") from error
    if definition is None:
        if operation.name in _SETS_OF_AER:
            raise InvalidCircuit(
                f"{operation.name} sets a state in Aer's own format, which is not taken here; "
                "prepare the state by gates, or by initialize"
            )
        raise InvalidCircuit(f"gate {operation.name!r} is not known and has no definition")
    return definition


def replace(circuit: QuantumCircuit, rule: Rule) -> QuantumCircuit:
    """Give a circuit in which `rule` has been applied until it keeps everything; the same object if at once.

    Global phases of replacements add up; those within blocks of control flow can't be observed and are kept there.
    """
    if not any(_changes(instruction, rule) for instruction in circuit.data):
        return circuit
    result = circuit.copy_empty_like()
    for instruction in circuit.data:
        _append(result, instruction, rule)
    return result


def expand(circuit: QuantumCircuit) -> QuantumCircuit:
    """Write out all that is not known by its name; the same object where there is nothing."""
    return replace(circuit, lambda found: None if is_known(found) else definition_of(found.operation))


def written_out(is_meant: Callable[[CircuitInstruction], bool]) -> Rule:
    """Make the rule that replaces what is meant by its definition."""
    return lambda found: definition_of(found.operation) if is_meant(found) else None


def check_phase(circuit: QuantumCircuit) -> None:
    """Raise InvalidCircuit for a global phase that is no finite number: each amplitude would be none either."""
    phase = circuit.global_phase
    if not getattr(phase, "parameters", None) and not math.isfinite(float(phase)):
        raise InvalidCircuit(f"the global phase is {float(phase)}, which is no finite number")


def count_operations(circuit: QuantumCircuit) -> int:
    """Count the operations after writing out gates and loops. Raises TooLarge above MAX_OPERATIONS, before doing it.

    Raises InvalidCircuit for a `while` loop, which may never end, a gate without definition, and a phase that is no
    finite number, wherever it stands.
    """
    return _Counter().count(circuit)


def _changes(instruction: CircuitInstruction, rule: Rule) -> bool:
    blocks = blocks_of(instruction)
    if blocks:
        return any(_changes(inner, rule) for block in blocks for inner in block.data)
    return rule(instruction) is not None


def _append(result: QuantumCircuit, instruction: CircuitInstruction, rule: Rule) -> None:
    blocks = blocks_of(instruction)
    if blocks:
        operation = instruction.operation.replace_blocks([replace(block, rule) for block in blocks])
        result.append(instruction.replace(operation=operation), copy=False)
        return
    replacement = rule(instruction)
    if replacement is None:
        result.append(instruction, copy=False)
        return
    result.global_phase += replacement.global_phase
    qubits = dict(zip(replacement.qubits, instruction.qubits, strict=True))
    clbits = dict(zip(replacement.clbits, instruction.clbits, strict=True))
    for inner in replacement.data:
        placed = inner.replace(
            qubits=[qubits[qubit] for qubit in inner.qubits], clbits=[clbits[clbit] for clbit in inner.clbits]
        )
        _append(result, placed, rule)


def _synthesized(operation: Operation) -> QuantumCircuit | None:
    """Write out what has no definition but can be synthesized: permutations, Cliffords, annotated gates."""
    circuit = QuantumCircuit(operation.num_qubits, operation.num_clbits)
    circuit.append(operation, circuit.qubits, circuit.clbits)
    written = PassManager([HighLevelSynthesis(qubits_initially_zero=False)]).run(circuit)
    return None if written.data and written.data[0].operation.name == operation.name else written


class _Counter:
    """Counts each gate's definition once."""

    def __init__(self) -> None:
        self._weights: dict[tuple[str, int], int] = {}
        self._depth = 0

    def count(self, circuit: QuantumCircuit) -> int:
        self._depth += 1
        if self._depth > MAX_DEFINITION_DEPTH:
            raise InvalidCircuit(f"gates and blocks are nested more than {MAX_DEFINITION_DEPTH} deep")
        check_phase(circuit)
        total = self._sum(circuit)
        self._depth -= 1
        return total

    def _sum(self, circuit: QuantumCircuit) -> int:
        total = 0
        for instruction in circuit.data:
            total += self._weight(instruction)
            if total > MAX_OPERATIONS:
                raise TooLarge(
                    f"the circuit stands for more than {MAX_OPERATIONS:,} operations once gates and loops are written "
                    "out; that is the limit"
                )
        return total

    def _weight(self, instruction: CircuitInstruction) -> int:
        if instruction.is_standard_gate():
            return 1
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            return self._control_flow_weight(operation)
        if isinstance(operation, KNOWN_OPERATIONS):
            return 1
        key = (operation.name, operation.num_qubits)
        if key not in self._weights:
            self._weights[key] = max(1, self.count(definition_of(operation)))
        return self._weights[key]

    def _control_flow_weight(self, operation: ControlFlowOp) -> int:
        if isinstance(operation, WhileLoopOp):
            raise InvalidCircuit("'while' is not accepted: such a loop may never end")
        inner = 1 + sum(self.count(block) for block in operation.blocks)
        return inner * turns_of(operation) if isinstance(operation, ForLoopOp) else inner


def turns_of(loop: ForLoopOp) -> int:
    """Count how often the loop's body runs, unless it is left early."""
    indexset = loop.params[0]
    if not isinstance(indexset, range):
        return len(tuple(indexset))
    # `len` of a range is bounded by the machine's word; this is not.
    return max(0, (indexset.stop - indexset.start + indexset.step - (1 if indexset.step > 0 else -1)) // indexset.step)
