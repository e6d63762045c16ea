"""What an instruction must be like for an engine to run it, and to run it rightly."""

import cmath
from collections.abc import Iterable

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, Delay, IfElseOp, ParameterExpression, Store, SwitchCaseOp
from qiskit.circuit.classical import expr
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info.operators.predicates import is_unitary_matrix

from plugins.aer.circuit_walk import count_operations, definition_of, expand, instructions_of, is_known
from plugins.aer.conditions import check_comparison, check_expression
from qserver.errors import InvalidCircuit, TooLarge

MAX_DELAY = 2**53
"""Of a delay's own unit. Aer takes it as a whole number of 64 bits, and fails on more."""

NO_VARIABLES = "the circuit has variables of its own beside its classical bits; Aer can't run them"
"""Aer 0.18 fails on variables of type Bool and aborts the process on those of type Uint."""


class UnsoundInstruction(InvalidCircuit):
    """An instruction that no engine runs rightly: the `number`-th, from 0, of `count` of its name in the circuit."""

    def __init__(self, message: str, *, name: str, number: int, count: int) -> None:
        """Say what is wrong with it."""
        super().__init__(message)
        self.name = name
        self.number = number
        self.count = count


def check_and_expand(circuit: QuantumCircuit) -> QuantumCircuit:
    """Give the circuit with all gates written out that engines don't know. Raises InvalidCircuit.

    `count_operations` has found before that this can be done.
    """
    _check_all(circuit)
    try:
        expanded = expand(circuit)
    except OverflowError as error:  # a delay within a gate, say: Qiskit turns durations into whole numbers
        raise InvalidCircuit("the circuit has a gate that can't be written out: a number is too large") from error
    if expanded is not circuit:
        _check_all(expanded)
    return expanded


def blamed(circuit: QuantumCircuit) -> UnsoundInstruction | None:
    """Find the instruction for which `check_and_expand` or `count_operations` refused the circuit.

    Only now that there is one: looking at each definition by itself takes longer.
    """
    names = [instruction.name for instruction in instructions_of(circuit)]
    for place, instruction in enumerate(instructions_of(circuit)):
        try:
            _check_whole(instruction)
        except TooLarge:
            return None
        except InvalidCircuit as error:
            name = instruction.name
            is_within = not is_known(instruction) and repr(name) not in error.message
            message = f"gate {name!r}: {error.message}" if is_within else error.message
            return UnsoundInstruction(message, name=name, number=names[:place].count(name), count=names.count(name))
    return None


def _check_whole(instruction: CircuitInstruction) -> None:
    check_instruction(instruction)
    if not is_known(instruction):
        definition = definition_of(instruction.operation)
        count_operations(definition)
        check_and_expand(definition)


def _check_all(circuit: QuantumCircuit) -> None:
    for instruction in instructions_of(circuit):
        check_instruction(instruction)


def check_instruction(instruction: CircuitInstruction) -> None:
    """Raise InvalidCircuit for what an engine can't run, or would run wrongly. Blocks are not looked into."""
    if not instruction.is_standard_gate():
        _check_operation(instruction)
    for value in _numbers(instruction.params):
        if not cmath.isfinite(value):
            raise InvalidCircuit(f"gate {instruction.name!r} has the parameter {value}, which is no finite number")


def _check_operation(instruction: CircuitInstruction) -> None:
    operation = instruction.operation
    if operation.num_qubits != len(instruction.qubits):  # of some kinds QPY tells the number of qubits twice
        raise InvalidCircuit(
            f"gate {operation.name!r} is of {operation.num_qubits} qubits and is given {len(instruction.qubits)}"
        )
    match operation:
        case Store():
            raise InvalidCircuit(NO_VARIABLES)
        case Delay() as delay:
            _check_delay(delay)
        case UnitaryGate() as gate:
            _check_matrix(gate.params[0])
        case IfElseOp() as branch:
            _check_condition(branch)
        case SwitchCaseOp() as switch:
            if isinstance(switch.target, expr.Expr):
                check_expression(switch.target)


def _check_delay(delay: Delay) -> None:
    duration = delay.params[0]
    if isinstance(duration, expr.Expr):
        raise InvalidCircuit("the duration of a delay is an expression, which Aer can't run; give a number")
    if isinstance(duration, ParameterExpression) and duration.parameters:
        return  # its values are looked at where they are given
    if not 0 <= float(duration) <= MAX_DELAY:
        raise InvalidCircuit(
            f"a delay of {float(duration):g} {delay.unit}; it may be from 0 to {MAX_DELAY:,} {delay.unit}"
        )


def _check_matrix(matrix: object) -> None:
    with np.errstate(all="ignore"):  # of numbers whose squares no double holds
        is_unitary = is_unitary_matrix(np.asarray(matrix))
    if not is_unitary:
        raise InvalidCircuit("gate 'unitary' has a matrix that is not unitary")


def _check_condition(branch: IfElseOp) -> None:
    if isinstance(branch.condition, expr.Expr):
        check_expression(branch.condition)
        return
    target, value = branch.condition
    if not isinstance(target, Clbit):
        check_comparison(target.name, bits=target.size, value=value)


def _numbers(params: Iterable[object]) -> Iterable[complex]:
    for param in params:
        if isinstance(param, int | float | complex):
            yield param
        elif isinstance(param, np.ndarray):
            yield complex(param.sum())
        elif isinstance(param, ParameterExpression) and not param.parameters:
            yield complex(param)
