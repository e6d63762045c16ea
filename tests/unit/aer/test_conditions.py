"""Conditions that are let through mean to Aer what they mean to OpenQASM 3."""

import operator

from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr, types

from plugins.aer.conditions import MAX_BITS, check_expression
from tests.unit.aer.running import counts_of, task_of

Valued = tuple[expr.Expr, int]
"""An expression, and what it is worth."""

_OF_NUMBERS = {expr.bit_and: operator.and_, expr.bit_or: operator.or_, expr.bit_xor: operator.xor}
_COMPARISONS = {
    expr.equal: operator.eq,
    expr.not_equal: operator.ne,
    expr.less: operator.lt,
    expr.less_equal: operator.le,
    expr.greater: operator.gt,
    expr.greater_equal: operator.ge,
}
_OF_TRUTHS = {expr.logic_and: operator.and_, expr.logic_or: operator.or_}


def numbers(data: st.DataObject, register: Valued, bits: int, depth: int) -> Valued:
    """Draw a number of so many bits."""
    kind = data.draw(st.sampled_from(("register", "literal") if not depth else ("not", "cast", "binary")))
    if kind == "register":
        return register
    if kind == "literal":
        value = data.draw(st.integers(0, 2**bits - 1))
        return expr.lift(value, types.Uint(bits)), value
    if kind == "not":
        inner, value = numbers(data, register, bits, depth - 1)
        return expr.bit_not(inner), ~value & (2**bits - 1)
    if kind == "cast":
        inner, value = truths(data, register, bits, depth - 1)
        return expr.cast(inner, types.Uint(bits)), value
    make, compute = data.draw(st.sampled_from(list(_OF_NUMBERS.items())))
    (left, left_value), (right, right_value) = (numbers(data, register, bits, depth - 1) for _ in range(2))
    return make(left, right), compute(left_value, right_value)


def truths(data: st.DataObject, register: Valued, bits: int, depth: int) -> Valued:
    """Draw a truth value."""
    kind = data.draw(st.sampled_from(("comparison", "not", "binary") if depth else ("comparison",)))
    if kind == "not":
        inner, value = truths(data, register, bits, depth - 1)
        return expr.logic_not(inner), int(not value)
    of_what, table = (numbers, _COMPARISONS) if kind == "comparison" else (truths, _OF_TRUTHS)
    make, compute = data.draw(st.sampled_from(list(table.items())))
    (left, left_value), (right, right_value) = (of_what(data, register, bits, max(0, depth - 1)) for _ in range(2))
    return make(left, right), int(compute(left_value, right_value))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([1, 2, 4, 8, 31, MAX_BITS]))
def test_a_condition_that_is_let_through_is_evaluated_rightly(data: st.DataObject, bits: int) -> None:
    circuit = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(bits, "c"), ClassicalRegister(1, "r"))
    held = data.draw(st.integers(0, 2**bits - 1))
    circuit.x(0)
    for bit in range(bits):
        if held >> bit & 1:
            circuit.measure(0, circuit.cregs[0][bit])
    register = expr.lift(circuit.cregs[0]), held
    condition, is_met = truths(data, register, bits, data.draw(st.integers(0, 3)))
    check_expression(condition)
    with circuit.if_test(condition):
        circuit.x(1)
    circuit.measure(1, circuit.cregs[1][0])

    counts = counts_of(task_of(circuit, shots=1))

    assert next(iter(counts))[0] == str(is_met)
