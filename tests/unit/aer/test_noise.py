"""Noise: named models against their formulas, Aer's JSON form against Aer."""

import json
import math
from itertools import product

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import CRXGate, CSXGate, CU3Gate, CUGate, CZGate, RGate, RZZGate, XGate, iSwapGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, depolarizing_error, thermal_relaxation_error

from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject, JsonValue
from qserver.results import ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.running import BELL, HEADER2, PLUGIN, counts_of, failure_of, observable, result_of, task_of

EXPVAL = {ResultType.EXPVAL}
CLIFFORD_GATES = [iSwapGate(), RZZGate(math.pi / 2)]
OTHER_GATES = [CRXGate(1.0), CU3Gate(1.0, 0.5, 0.2), CUGate(1.0, 0.5, 0.2, 0.1), CSXGate()]
TRAJECTORY_BACKENDS = ["aer_statevector", "aer_stabilizer", "aer_matrix_product_state"]


def depolarizing(one: float = 0.0, two: float = 0.0) -> JsonObject:
    return {"noise_model": {"name": "depolarizing", "one_qubit_probability": one, "two_qubit_probability": two}}


def thermal(**values: float) -> JsonObject:
    return {"noise_model": {"name": "thermal", **values}}


def readout(p1_given_0: float, p0_given_1: float) -> JsonObject:
    return {"noise_model": {"name": "readout", "p1_given_0": p1_given_0, "p0_given_1": p0_given_1}}


def test_depolarizing_shrinks_the_bloch_vector_by_its_probability_at_each_gate() -> None:
    source = HEADER2 + "qreg q[1];\n" + "x q[0];\n" * 4

    result = result_of(task_of(source, EXPVAL, options=depolarizing(one=0.1), observables=(observable(Z=1.0),)))

    assert result.run.method == "density_matrix"
    assert result.expval == pytest.approx((0.9**4,))


def test_depolarizing_of_two_qubits_shrinks_every_correlation() -> None:
    wanted = (observable(ZZ=1.0), observable(XX=1.0), observable(YY=1.0))

    result = result_of(task_of(BELL, EXPVAL, options=depolarizing(two=0.2), observables=wanted))

    assert result.expval == pytest.approx((0.8, 0.8, -0.8))


@pytest.mark.parametrize("backend", TRAJECTORY_BACKENDS)
def test_trajectories_agree_with_the_formula(backend: str) -> None:
    source = HEADER2 + "qreg q[1];\n" + "x q[0];\n" * 4
    task = task_of(
        source, EXPVAL, backend=backend, shots=4000, options=depolarizing(one=0.1), observables=(observable(Z=1.0),)
    )

    result = result_of(task)

    assert result.expval is not None
    assert result.expval_standard_errors is not None
    assert abs(result.expval[0] - 0.9**4) < 5 * result.expval_standard_errors[0]


@pytest.mark.parametrize("backend", ["aer", "aer_statevector", "aer_density_matrix", "aer_stabilizer"])
def test_readout_errors_show_in_counts_and_not_in_the_state(backend: str) -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\nx q[1];\nmeasure q -> c;\n"
    wanted = {ResultType.COUNTS, ResultType.EXPVAL}

    task = task_of(
        source, wanted, backend=backend, shots=4000, options=readout(0.1, 0.3), observables=(observable(ZI=1.0),)
    )
    result = result_of(task)

    assert result.counts is not None
    assert_same_distribution(result.counts, {"10": 0.7 * 0.9, "00": 0.3 * 0.9, "11": 0.7 * 0.1, "01": 0.3 * 0.1})
    assert result.expval == pytest.approx((-1.0,))


def test_relaxation_decays_with_the_time_of_the_gate() -> None:
    source = HEADER2 + "qreg q[1];\nx q[0];\n" + "id q[0];\n" * 5
    options = thermal(t1_us=10.0, t2_us=15.0, one_qubit_gate_ns=1000.0)

    result = result_of(task_of(source, EXPVAL, options=options, observables=(observable(Z=1.0),)))

    assert result.expval == pytest.approx((1 - 2 * math.exp(-6 * 1.0 / 10.0),))


def test_dephasing_decays_with_t2() -> None:
    source = HEADER2 + "qreg q[1];\nh q[0];\n"
    options = thermal(t1_us=10.0, t2_us=5.0, one_qubit_gate_ns=1000.0)

    result = result_of(task_of(source, EXPVAL, options=options, observables=(observable(X=1.0),)))

    assert result.expval == pytest.approx((math.exp(-1.0 / 5.0),))


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
def test_noise_in_aer_s_form_follows_a_gate_by_its_name_on_every_backend(backend: str) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.5, 1), ["rx", "h", "s", "sx"])
    circuit = QuantumCircuit(1)
    circuit.rx(math.pi / 2, 0)
    options: JsonObject = {"noise_model": model.to_dict(serializable=True)}

    result = result_of(
        task_of(circuit, EXPVAL, backend=backend, shots=2000, options=options, observables=(observable(Y=1.0),))
    )

    assert result.expval == pytest.approx((-0.5,), abs=6 / math.sqrt(2000))


def test_noisy_probabilities_are_exact_from_a_density_matrix() -> None:
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nx q[0];\nmeasure q -> c;\n"

    result = result_of(task_of(source, {ResultType.PROBABILITIES}, options=depolarizing(one=0.1)))

    assert result.probabilities == {"0": pytest.approx(0.05), "1": pytest.approx(0.95)}


def _model() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.05, 1), ["h", "t"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    model.add_quantum_error(thermal_relaxation_error(50, 70, 20), ["x"], [1])
    model.add_quantum_error(_flip(), ["x"], [2])
    model.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]))
    return model


def _flip() -> QuantumError:
    flip = QuantumCircuit(1)
    flip.x(0)
    return QuantumError([(flip, 0.2), (QuantumCircuit(1), 0.8)])


def _circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(4, 3)  # qubit 0 is idle: errors that name qubits must not move
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.x(1)
    circuit.x(2)
    circuit.t(3)
    circuit.measure([1, 2, 3], [0, 1, 2])
    return circuit


def test_aer_s_json_form_gives_aer_s_own_counts() -> None:
    document = json.loads(json.dumps(_model().to_dict(serializable=True)))
    options = {"noise_model": document}
    PLUGIN.check_options(options)
    expected = AerSimulator(method="density_matrix", noise_model=_model()).run(_circuit(), shots=2000, seed_simulator=5)

    counts = counts_of(task_of(_circuit(), backend="aer_density_matrix", shots=2000, seed=5, options=options))

    assert counts == expected.result().get_counts()


@pytest.mark.parametrize("method", ["statevector", "density_matrix", "matrix_product_state"])
def test_a_seed_gives_aer_s_noisy_counts_whatever_else_is_wanted(method: str) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), ["cx"])
    options = {"noise_model": json.loads(json.dumps(model.to_dict(serializable=True)))}
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    expected = AerSimulator(method=method, noise_model=model).run(circuit, shots=300, seed_simulator=6).result()
    wanted = {ResultType.COUNTS, ResultType.EXPVAL}

    task = task_of(
        circuit, wanted, backend=f"aer_{method}", shots=300, seed=6, options=options, observables=(observable(ZZ=1.0),)
    )

    assert counts_of(task) == expected.get_counts()


def test_errors_that_name_qubits_act_on_them_in_expectation_values() -> None:
    document = json.loads(json.dumps(_model().to_dict(serializable=True)))
    circuit = QuantumCircuit(4)
    circuit.x(2)

    result = result_of(task_of(circuit, EXPVAL, options={"noise_model": document}, observables=(observable(IZII=1.0),)))

    assert result.expval == pytest.approx((-0.6,))


QERROR: JsonObject = {
    "type": "qerror",
    "operations": ["x"],
    "probabilities": [1.0],
    "instructions": [[{"name": "x", "qubits": [0]}]],
}


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ({**QERROR, "probabilities": [0.5]}, "probabilities sum to 0.5, not to 1"),
        ({**QERROR, "probabilities": [0.5, 0.5]}, "1 lists of instructions for 2 probabilities"),
        ({**QERROR, "probabilities": [-1.0]}, "-1.0 is no probability"),
        ({**QERROR, "operations": []}, "operations names none"),
        ({**QERROR, "instructions": [[{"name": "explode", "qubits": [0]}]]}, "instruction 'explode' can't be part"),
        ({**QERROR, "instructions": [[{"name": "measure", "qubits": [0]}]]}, "'measure' can't be part"),
        ({**QERROR, "instructions": [[{"name": "x", "qubits": [9]}]]}, "acts on qubits 0 to 2 of its gate"),
        ({**QERROR, "instructions": [[{"name": "x", "qubits": ["a"]}]]}, "'a' is no number"),
        ({**QERROR, "instructions": [[{"name": "x"}]]}, "qubits"),
        ({**QERROR, "instructions": [[{"name": "kraus", "qubits": [0], "params": [[[2, 0], [0, 2]]]}]]}, "trace"),
        ({**QERROR, "instructions": [[{"name": "unitary", "qubits": [0], "params": [[[2, 0], [0, 2]]]}]]}, "unitary"),
        ({**QERROR, "instructions": "x"}, "is no list"),
        ({**QERROR, "gate_qubits": [[-1]]}, "include a negative number"),
        ({**QERROR, "gate_qubits": [[0, 1]]}, "operations and gate_qubits name 1 and 2 qubits at once"),
        ({**QERROR, "operations": ["x", "cx"]}, "name 1 and 2 qubits at once"),
        ({**QERROR, "instructions": [[{"name": "x", "qubits": [1]}]]}, "an error on 2 qubits can't follow 'x' on 1"),
        (
            {**QERROR, "instructions": [[{"name": "rx", "qubits": [0], "params": [math.nan]}]]},
            "nan is no finite number",
        ),
        (
            {"type": "roerror", "gate_qubits": [[0, 1]], "probabilities": [[0.9, 0.1], [0, 1]]},
            "a table of 2 rows can't be of the 2 qubits (0, 1)",
        ),
        ({"type": "roerror", "operations": ["measure"], "probabilities": [[0.5, 0.5]]}, "square table"),
        ({"type": "roerror", "operations": ["measure"], "probabilities": [[0.5, 0.4], [0, 1]]}, "sum to 0.9"),
        ({"type": "terror", "probabilities": []}, "it may be 'qerror' or 'roerror'"),
        ("x", "must be an object"),
    ],
)
def test_a_senseless_noise_model_is_refused_with_its_place(error: object, sentence: str) -> None:
    options = {"noise_model": {"errors": [QERROR, error]}}

    with pytest.raises(InvalidRequest) as refused:
        PLUGIN.check_options(options)  # type: ignore[arg-type]

    assert refused.value.reason is Reason.INVALID_OPTION
    assert "noise_model.errors[1]" in refused.value.message
    assert sentence in refused.value.message


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
def test_an_error_may_leave_some_qubits_of_its_gate_alone(backend: str) -> None:
    options: JsonObject = {"noise_model": {"errors": [{**QERROR, "operations": ["cx"]}]}}
    PLUGIN.check_options(options)
    source = HEADER2 + "qreg q[3];\ncreg c[3];\nx q[2];\ncx q[2],q[1];\nmeasure q -> c;\n"

    assert counts_of(task_of(source, backend=backend, shots=10, options=options)) == {"010": 10}


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
@pytest.mark.parametrize("wanted", [{ResultType.COUNTS}, EXPVAL, {ResultType.COUNTS, ResultType.EXPVAL}])
def test_an_error_of_a_reset_acts_on_a_fresh_qubit_too(wanted: set[ResultType], backend: str) -> None:
    options: JsonObject = {"noise_model": {"errors": [{**QERROR, "operations": ["reset"]}]}}
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nreset q[0];\nmeasure q -> c;\n"

    task = task_of(source, wanted, backend=backend, shots=10, options=options, observables=(observable(Z=1.0),))
    result = result_of(task)

    assert result.counts in (None, {"1": 10})
    assert result.expval in (None, (-1.0,))


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


@pytest.mark.parametrize("backend", TRAJECTORY_BACKENDS)
def test_a_value_that_all_trajectories_share_is_told_as_exact(backend: str) -> None:
    task = task_of(BELL, EXPVAL, backend=backend, options=readout(0.1, 0.3), observables=(observable(ZZ=2.0),))

    result = result_of(task)

    assert result.expval == pytest.approx((2.0,))
    assert result.expval_standard_errors == (0.0,)


def test_a_noise_model_that_slipped_through_fails_the_task_alone() -> None:
    task = task_of(BELL, options={"noise_model": {"errors": ["x"]}})

    failure = failure_of(task)

    assert failure.reason is Reason.INVALID_OPTION
    assert "noise_model.errors[0]" in failure.message


def test_relaxation_acts_on_both_qubits_of_a_gate_and_before_a_measurement() -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\nx q[0];\ncx q[0],q[1];\nmeasure q -> c;\n"
    options = thermal(t1_us=10.0, t2_us=10.0, two_qubit_gate_ns=2000.0, measurement_ns=1000.0)
    wanted = {ResultType.COUNTS, ResultType.EXPVAL}
    kept_by_gate, kept_at_all = math.exp(-0.2), math.exp(-0.3)

    result = result_of(task_of(source, wanted, shots=4000, options=options, observables=(observable(ZI=1.0),)))

    assert result.expval == pytest.approx((1 - 2 * kept_by_gate,))
    assert result.counts is not None
    assert_same_distribution(
        result.counts,
        {
            "11": kept_at_all**2,
            "01": kept_at_all * (1 - kept_at_all),
            "10": kept_at_all * (1 - kept_at_all),
            "00": (1 - kept_at_all) ** 2,
        },
    )


def test_options_without_noise_pass() -> None:
    PLUGIN.check_options({})
    PLUGIN.check_options(depolarizing(one=0.1))


def test_a_model_of_every_kind_of_instruction_is_built() -> None:
    kraus = [np.sqrt(0.9) * np.eye(2), np.sqrt(0.1) * np.array([[0, 1], [1, 0]])]
    instructions: list[JsonValue] = [
        [{"name": "kraus", "qubits": [0], "params": [[[[x, 0.0] for x in row] for row in k.tolist()] for k in kraus]}],
        [{"name": "pauli", "qubits": [0], "params": ["Y"]}],
        [{"name": "reset", "qubits": [0]}],
        [{"name": "rx", "qubits": [0], "params": [0.1]}],
        [{"name": "unitary", "qubits": [0], "params": [[[0, 1], [1, 0]]]}],
    ]
    error: JsonObject = {**QERROR, "probabilities": [0.2] * 5, "instructions": instructions}
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nx q[0];\nmeasure q -> c;\n"

    counts = counts_of(task_of(source, options={"noise_model": {"errors": [error]}}, shots=200))

    assert sum(counts.values()) == 200
