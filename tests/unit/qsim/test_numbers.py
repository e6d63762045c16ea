"""Amplitudes, probabilities and expectation values against those of Qiskit and Aer, within single precision."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp, Statevector, random_unitary

from plugins.aer.plugin import AerPlugin
from qserver.jobs import Observable, PauliTerm
from qserver.results import ResultType
from tests.unit.aer.running import observable, statevector_of
from tests.unit.qsim.running import SINGLE_PRECISION, needs_qsim, result_of, task_of

pytestmark = needs_qsim

GATES = {name: gate for name, gate in get_standard_gate_name_mapping().items() if isinstance(gate, Gate)}
AER = AerPlugin()


def state_of(circuit: QuantumCircuit) -> np.ndarray:
    return statevector_of(result_of(task_of(circuit, ResultType.STATEVECTOR)))


def scrambled(num_qubits: int, *, layers: int = 3, seed: int = 1) -> QuantumCircuit:
    """A state in which every amplitude differs."""
    random = np.random.default_rng(seed)
    circuit = QuantumCircuit(num_qubits)
    for _ in range(layers):
        for qubit in range(num_qubits):
            circuit.u(*random.uniform(0, 6, 3), qubit)
        order = random.permutation(num_qubits).tolist()
        for control, target in zip(order[::2], order[1::2], strict=False):
            circuit.cx(control, target)
    return circuit


@pytest.mark.parametrize("name", sorted(GATES))
def test_every_standard_gate_does_what_it_does_in_qiskit(name: str) -> None:
    gate = GATES[name]
    circuit = scrambled(max(3, gate.num_qubits + 1))
    angles = [0.3 + 0.4 * place for place in range(len(gate.params))]
    circuit.append(type(gate)(*angles), list(range(gate.num_qubits))[::-1])

    assert np.abs(state_of(circuit) - Statevector(circuit).data).max() < SINGLE_PRECISION


@pytest.mark.parametrize("seed", range(40))
def test_random_circuits_give_the_amplitudes_of_qiskit(seed: int) -> None:
    num_qubits = 1 + seed % 8
    circuit = random_circuit(num_qubits, 8, max_operands=min(4, num_qubits), seed=seed)

    assert np.abs(state_of(circuit) - Statevector(circuit).data).max() < SINGLE_PRECISION


def special(kind: str) -> QuantumCircuit:
    circuit = scrambled(5)
    match kind:
        case "unitary of 3":
            circuit.unitary(random_unitary(8, seed=2), [3, 0, 4])
        case "unitary of 5":
            circuit.unitary(random_unitary(32, seed=2), [3, 0, 4, 1, 2])
        case "many controls":
            circuit.mcx([0, 4, 2, 1], 3)
        case "open controls":
            circuit.append(GATES["x"].control(3, ctrl_state=2), [1, 0, 3, 2])
        case "large angles":
            circuit.rz(12345.678, 0)
            circuit.cp(-9876.5, 2, 4)
        case "global phase":
            circuit.global_phase = 1.2
        case "diagonal":
            circuit.append(GATES["cp"].__class__(0.3).control(2), [0, 1, 2, 3])
            circuit.barrier()
            circuit.pauli("XYZ", [0, 2, 4])
    return circuit


@pytest.mark.parametrize(
    "kind",
    ["unitary of 3", "unitary of 5", "many controls", "open controls", "large angles", "global phase", "diagonal"],
)
def test_gates_beyond_the_standard_ones(kind: str) -> None:
    circuit = special(kind)

    assert np.abs(state_of(circuit) - Statevector(circuit).data).max() < SINGLE_PRECISION


def test_qubits_can_be_initialized_before_anything_else() -> None:
    wanted = np.array([1, 2j, -1, 0.5, 0, 1, 1, 3]) / np.linalg.norm([1, 2j, -1, 0.5, 0, 1, 1, 3])
    circuit = QuantumCircuit(3)
    circuit.initialize(wanted, [0, 1, 2])

    state = state_of(circuit)

    assert abs(np.vdot(state, wanted)) == pytest.approx(1.0, abs=SINGLE_PRECISION)


def test_expectation_values_are_those_of_qiskit() -> None:
    circuit = scrambled(15)  # wider than a block of the sum
    random = np.random.default_rng(7)
    paulis = ["".join(random.choice(list("IXYZ"), 15)) for _ in range(20)]
    paulis += ["I" * 15, "Z" + "I" * 14, "I" * 14 + "Y", "Y" * 15, "X" + "I" * 13 + "Z"]
    observables = tuple(Observable((PauliTerm(pauli, 1.0),)) for pauli in paulis)

    values = result_of(task_of(circuit, ResultType.EXPVAL, observables=observables)).expval

    state = Statevector(circuit)
    exact = [state.expectation_value(SparsePauliOp(pauli)).real for pauli in paulis]
    assert values == pytest.approx(exact, abs=SINGLE_PRECISION)


def test_weighted_sums_and_idle_qubits_give_what_aer_gives() -> None:
    circuit = QuantumCircuit(6)
    circuit.compose(scrambled(3), [1, 3, 4], inplace=True)  # 0, 2 and 5 stay in |0>
    observables = (observable(ZIIIIZ=0.5, IXIXII=-2.0, IIIIYI=1.5), observable(XIIIII=1.0), observable(IIZIZI=3.0))

    ours = result_of(task_of(circuit, ResultType.EXPVAL, observables=observables))
    aer = result_of(task_of(circuit, ResultType.EXPVAL, observables=observables, plugin=AER), plugin=AER)

    assert ours.expval == pytest.approx(aer.expval, abs=5 * SINGLE_PRECISION)
    assert ours.expval_standard_errors == (0.0, 0.0, 0.0)


def test_a_wanted_precision_is_kept_and_said() -> None:
    observables = (observable(XYZI=1.0, ZZII=0.5),)
    task = task_of(scrambled(4), ResultType.EXPVAL, observables=observables, precision=0.01, seed=5)

    result = result_of(task)

    (error,) = result.expval_standard_errors or ()
    assert 0 < error <= 0.0101
    assert result_of(task).expval == result.expval


@pytest.mark.parametrize("num_qubits", [3, 17])
def test_probabilities_are_those_of_aer(num_qubits: int) -> None:
    circuit = scrambled(num_qubits)
    measured = QuantumCircuit(num_qubits, 3)
    measured.compose(circuit, inplace=True)
    measured.measure([num_qubits - 1, 0, num_qubits - 2], [0, 1, 2])

    ours = result_of(task_of(measured, ResultType.PROBABILITIES)).probabilities or {}
    exact = result_of(task_of(measured, ResultType.PROBABILITIES, plugin=AER), plugin=AER).probabilities or {}

    assert dict(ours) == pytest.approx(dict(exact), abs=SINGLE_PRECISION)


def test_outcomes_that_can_not_come_are_not_listed() -> None:
    circuit = QuantumCircuit(4, 4)
    circuit.h(0)
    for target in (1, 2, 3):
        circuit.cx(0, target)
    circuit.measure(range(4), range(4))

    probabilities = result_of(task_of(circuit, ResultType.PROBABILITIES)).probabilities or {}

    assert set(probabilities) == {"0000", "1111"}


def test_the_statevector_comes_in_single_precision() -> None:
    (array,) = result_of(task_of(scrambled(3), ResultType.STATEVECTOR)).arrays

    assert (array.dtype, array.shape) == ("complex64", (8,))
