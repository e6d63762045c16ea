"""QPY that is well formed, and says what no engine runs rightly."""

from collections.abc import Callable

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Duration
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import PauliGate, UnitaryGate

from tests.unit.aer.running import qpy_of


def _with_matrix(matrix: np.ndarray) -> bytes:
    circuit = QuantumCircuit(1, 1)
    circuit.append(UnitaryGate(matrix, check_input=False), [0])
    circuit.measure(0, 0)
    return qpy_of(circuit)


def _with_few_letters() -> bytes:
    gate = PauliGate("XX")
    gate.params = ["X"]
    circuit = QuantumCircuit(2, 2)
    circuit.append(gate, [0, 1])
    circuit.measure([0, 1], [0, 1])
    return qpy_of(circuit)


def _with_delay() -> bytes:
    circuit = QuantumCircuit(1, 1)
    circuit.delay(expr.lift(Duration.ns(5)), 0)
    circuit.measure(0, 0)
    return qpy_of(circuit)


def _branching(bits: int, condition: Callable[[ClassicalRegister], expr.Expr]) -> bytes:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(bits, "c"))
    with circuit.if_test(condition(circuit.cregs[0])):
        circuit.x(0)
    circuit.measure(0, 0)
    return qpy_of(circuit)


UNSOUND = {
    "a matrix that stretches": (_with_matrix(np.diag([1.0, 2.0])), "matrix that is not unitary"),
    "a matrix of no number": (_with_matrix(np.diag([1.0, np.nan])), "matrix that is not unitary"),
    "one Pauli letter for two qubits": (_with_few_letters(), "is of 1 qubits and is given 2"),
    "a delay of no number": (_with_delay(), "the duration of a delay is an expression"),
    "a condition on 33 bits": (_branching(33, lambda c: expr.equal(c, 1)), "a number of 33 bits"),
    "a number for a truth value": (_branching(4, lambda c: expr.cast(c, types.Bool())), "compare it to 0"),
    "a condition that shifts": (_branching(4, lambda c: expr.equal(expr.shift_left(c, 1), 4)), "SHIFT_LEFT"),
}
"""Each with a piece of the sentence that it gets."""
