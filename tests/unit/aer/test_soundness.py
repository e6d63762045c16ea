"""Instructions that only QPY can bring, and that no engine runs rightly."""

from collections.abc import Callable

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import AnnotatedOperation, Duration, IfElseOp, PowerModifier
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import PauliEvolutionGate, PauliGate, UnitaryGate, XGate
from qiskit.quantum_info import SparsePauliOp

from plugins.aer.inspector import inspect
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit
from tests.unit.aer.running import qpy_of

Condition = Callable[[ClassicalRegister], expr.Expr]

STRETCHED = UnitaryGate(np.diag([1.0, 2.0]), check_input=False)
SHEARED = UnitaryGate(np.array([[1.0, 1.0], [0.0, 1.0]]), check_input=False)


def _refusal(circuit: QuantumCircuit) -> str:
    with pytest.raises(InvalidCircuit) as refused:
        inspect(qpy_of(circuit), CircuitFormat.QPY)
    return refused.value.message


def _branching(condition: Condition, *, bits: int) -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(bits, "c"))
    with circuit.if_test(condition(circuit.cregs[0])):
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize("matrix", [np.diag([1, 2]), np.diag([1, np.nan]), np.diag([1e300, 1]), np.zeros((2, 2))])
def test_a_matrix_that_is_not_unitary_is_refused(matrix: np.ndarray) -> None:
    circuit = QuantumCircuit(1)
    circuit.append(UnitaryGate(matrix, check_input=False), [0])

    assert _refusal(circuit) == "gate 'unitary' has a matrix that is not unitary"


@pytest.mark.parametrize("gate", [STRETCHED, SHEARED])
def test_so_is_one_within_a_gate_behind_others(gate: UnitaryGate) -> None:
    inner = QuantumCircuit(1, name="inner")
    inner.t(0)
    inner.append(gate, [0])
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_gate(), [0])

    assert _refusal(circuit) == "gate 'inner': gate 'unitary' has a matrix that is not unitary"


def test_so_is_one_within_a_branch() -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.append(SHEARED, [0])

    assert _refusal(circuit) == "gate 'unitary' has a matrix that is not unitary"


def test_a_unitary_matrix_is_taken() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.unitary(np.array([[1, 1], [1, -1]]) / np.sqrt(2), 0)
    circuit.measure(0, 0)

    assert inspect(qpy_of(circuit), CircuitFormat.QPY).profile is not None


def test_pauli_letters_for_other_qubits_are_refused() -> None:
    gate = PauliGate("XX")
    gate.params = ["X"]
    circuit = QuantumCircuit(2)
    circuit.append(gate, [0, 1])

    assert _refusal(circuit) == "gate 'pauli' is of 1 qubits and is given 2"


def test_a_delay_within_a_gate_is_looked_at() -> None:
    inner = QuantumCircuit(1, name="inner")
    inner.delay(1e300, 0, unit="s")
    circuit = QuantumCircuit(1)
    circuit.append(inner.to_instruction(), [0])

    assert "gate 'inner': a delay of 1e+300 " in _refusal(circuit)


def test_a_delay_of_no_number_is_refused() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(expr.lift(Duration.ns(5)), 0)

    assert "the duration of a delay is an expression" in _refusal(circuit)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        (PauliEvolutionGate(SparsePauliOp(["X"], [1e308]), time=1e10), "gate 'PauliEvolution'"),
        (AnnotatedOperation(XGate(), [PowerModifier(1e300)]), "can't be written out: Input matrix is not unitary"),
    ],
)
def test_what_can_not_be_written_out_says_whose_fault_it_is(operation: object, sentence: str) -> None:
    circuit = QuantumCircuit(1)
    circuit.append(operation, [0])

    assert sentence in _refusal(circuit)


def test_a_register_compared_to_what_it_can_not_hold_is_refused() -> None:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(4, "c"))
    body = QuantumCircuit(circuit.qubits, circuit.clbits)
    branch = IfElseOp((circuit.cregs[0], 0), body)
    branch.condition = (circuit.cregs[0], 16)
    circuit.append(branch, circuit.qubits, circuit.clbits)

    assert _refusal(circuit) == "register 'c' of 4 bits is compared to 16, which it can't hold"


@pytest.mark.parametrize(
    ("condition", "bits", "sentence"),
    [
        (lambda c: expr.equal(c, 1), 33, "a number of 33 bits, of which Aer looks at the lowest 32"),
        (lambda c: expr.less(expr.cast(c, types.Uint(40)), expr.lift(5, types.Uint(40))), 8, "a number of 40 bits"),
        (lambda c: expr.cast(c, types.Bool()), 4, "takes a number for a truth value; compare it to 0"),
        (lambda c: expr.equal(expr.shift_left(c, 1), 4), 4, "the operation SHIFT_LEFT, which Aer doesn't know"),
        (lambda c: expr.equal(expr.div(c, c), 1), 4, "the operation DIV, which Aer doesn't know"),
        (lambda c: expr.index(c, 1), 4, "a part of the kind Index, which Aer doesn't know"),
        (lambda _: expr.less(expr.lift(1.0), expr.lift(2.0)), 4, "a value of type Float"),
        (lambda c: expr.logic_not(expr.equal(expr.bit_not(c), 1)), 64, "a number of 64 bits"),
    ],
)
def test_a_condition_that_aer_would_misread_or_not_know_is_refused(
    condition: Condition, bits: int, sentence: str
) -> None:
    assert sentence in _refusal(_branching(condition, bits=bits))


def test_the_target_of_a_switch_is_looked_at() -> None:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(40, "c"))
    with circuit.switch(expr.bit_not(circuit.cregs[0])) as case, case(0):
        circuit.x(0)

    assert "a number of 40 bits" in _refusal(circuit)
