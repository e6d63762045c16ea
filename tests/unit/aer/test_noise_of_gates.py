"""Which gates named noise follows: each one, once, on every backend."""

import math
from itertools import product

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import CRXGate, CSXGate, CU3Gate, CUGate, CZGate, RGate, RZZGate, XGate, iSwapGate

from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.noise_options import TRAJECTORY_BACKENDS, depolarizing
from tests.unit.aer.running import EXPVAL, HEADER2, counts_of, observable, result_of, task_of

CLIFFORD_GATES = [iSwapGate(), RZZGate(math.pi / 2)]


OTHER_GATES = [CRXGate(1.0), CU3Gate(1.0, 0.5, 0.2), CUGate(1.0, 0.5, 0.2, 0.1), CSXGate()]


def test_no_gate_escapes_named_noise() -> None:
    source = HEADER2 + "qreg q[3];\nx q[0];\nx q[1];\nccx q[0],q[1],q[2];\n"
    wanted = (observable(ZII=1.0),)

    exact = result_of(task_of(source, EXPVAL, observables=wanted)).expval
    noisy = result_of(task_of(source, EXPVAL, options=depolarizing(two=0.05), observables=wanted)).expval

    assert exact == pytest.approx((-1.0,))
    assert noisy is not None
    assert noisy[0] > -0.9


@pytest.mark.parametrize(
    ("gate", "backend"),
    [
        *product(CLIFFORD_GATES, ["aer_density_matrix", *TRAJECTORY_BACKENDS]),
        *product(OTHER_GATES, ["aer_density_matrix", "aer_statevector", "aer_matrix_product_state"]),
    ],
    ids=lambda value: value.name if isinstance(value, Gate) else value,
)
def test_named_noise_follows_a_gate_once_on_every_backend(gate: Gate, backend: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.sx(1)
    circuit.append(gate, [0, 1])
    wanted = tuple(observable(**{pauli: 1.0}) for pauli in ("ZI", "YI", "ZY", "XX", "YZ", "XI", "IX"))

    exact = result_of(task_of(circuit, EXPVAL, observables=wanted)).expval
    noisy = result_of(
        task_of(circuit, EXPVAL, backend=backend, shots=2000, seed=1, options=depolarizing(two=0.4), observables=wanted)
    ).expval

    assert exact is not None
    assert max(map(abs, exact)) > 0.3
    # Depolarizing (Nielsen and Chuang, eq. 8.102): every Pauli but the identity shrinks by 1 - p, here once.
    tolerance = 1e-9 if backend == "aer_density_matrix" else 6 / math.sqrt(2000)
    assert noisy == pytest.approx([0.6 * value for value in exact], abs=tolerance)


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
def test_named_noise_follows_each_letter_of_a_pauli_string(backend: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.pauli("XY", [0, 1])
    wanted = (observable(IZ=1.0), observable(ZI=1.0))

    result = result_of(
        task_of(circuit, EXPVAL, backend=backend, shots=4000, seed=1, options=depolarizing(one=0.3), observables=wanted)
    )

    assert result.expval == pytest.approx((-0.7, -0.7), abs=6 / math.sqrt(4000))


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
def test_a_label_on_a_gate_does_not_take_named_noise_off_it(backend: str) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.append(XGate(label="mine"), [0])
    circuit.append(CZGate(label="noiseless"), [0, 1])
    circuit.measure([0, 1], [0, 1])
    options = depolarizing(one=0.4, two=0.2)

    counts = counts_of(task_of(circuit, backend=backend, shots=4000, options=options))

    # Behind the X one bit of five is flipped back; behind the CZ one outcome of five is any of four.
    assert_same_distribution(counts, {"01": 0.8 * 0.8 + 0.05, "00": 0.8 * 0.2 + 0.05, "10": 0.05, "11": 0.05})


@pytest.mark.parametrize("backend", ["aer_density_matrix", "aer_statevector", "aer_matrix_product_state"])
def test_named_noise_follows_gates_whose_angle_a_loop_sets(backend: str) -> None:
    circuit = QuantumCircuit(2)
    circuit.x(0)
    with circuit.for_loop(range(2)) as turn:
        circuit.cu(turn * math.pi, 0.0, 0.0, 0.0, 0, 1)  # nothing, then a flip
        circuit.append(RGate(turn * 0.5, 0.0), [1])  # nothing, then a turn by 0.5
    wanted = (observable(IZ=1.0), observable(ZI=1.0))

    result = result_of(
        task_of(
            circuit, EXPVAL, backend=backend, shots=4000, seed=2, options=depolarizing(0.1, 0.2), observables=wanted
        )
    )

    assert result.expval is not None
    # Each channel shrinks Z by 1 - p: qubit 0 meets the X and two CUs, qubit 1 two CUs and two Rs.
    expected = (-0.9 * 0.8**2, -math.cos(0.5) * 0.8**2 * 0.9**2)
    assert result.expval == pytest.approx(expected, abs=6 / math.sqrt(4000))
