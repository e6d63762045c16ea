"""Noise models in Aer's JSON form, against Aer itself."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, depolarizing_error, thermal_relaxation_error

from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonValue
from qserver.results import ResultType
from tests.unit.aer.noise_options import FLIP, TRAJECTORY_BACKENDS, as_option, errors
from tests.unit.aer.running import BELL, EXPVAL, HEADER2, PLUGIN, counts_of, failure_of, observable, result_of, task_of


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
def test_noise_in_aer_s_form_follows_a_gate_by_its_name_on_every_backend(backend: str) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.5, 1), ["rx", "h", "s", "sx"])
    circuit = QuantumCircuit(1)
    circuit.rx(math.pi / 2, 0)
    options = as_option(model)

    result = result_of(
        task_of(circuit, EXPVAL, backend=backend, shots=2000, options=options, observables=(observable(Y=1.0),))
    )

    assert result.expval == pytest.approx((-0.5,), abs=6 / math.sqrt(2000))


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
    options = as_option(_model())
    PLUGIN.check_options(options)
    expected = AerSimulator(method="density_matrix", noise_model=_model()).run(_circuit(), shots=2000, seed_simulator=5)

    counts = counts_of(task_of(_circuit(), backend="aer_density_matrix", shots=2000, seed=5, options=options))

    assert counts == expected.result().get_counts()


@pytest.mark.parametrize("method", ["statevector", "density_matrix", "matrix_product_state"])
def test_a_seed_gives_aer_s_noisy_counts_whatever_else_is_wanted(method: str) -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), ["cx"])
    options = as_option(model)
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
    circuit = QuantumCircuit(4)
    circuit.x(2)

    result = result_of(task_of(circuit, EXPVAL, options=as_option(_model()), observables=(observable(IZII=1.0),)))

    assert result.expval == pytest.approx((-0.6,))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ({**FLIP, "probabilities": [0.5]}, "probabilities sum to 0.5, not to 1"),
        ({**FLIP, "probabilities": [0.5, 0.5]}, "1 lists of instructions for 2 probabilities"),
        ({**FLIP, "probabilities": [-1.0]}, "-1.0 is no probability"),
        ({**FLIP, "operations": []}, "operations names none"),
        ({**FLIP, "instructions": [[{"name": "explode", "qubits": [0]}]]}, "instruction 'explode' can't be part"),
        ({**FLIP, "instructions": [[{"name": "measure", "qubits": [0]}]]}, "'measure' can't be part"),
        ({**FLIP, "instructions": [[{"name": "x", "qubits": [9]}]]}, "acts on qubits 0 to 2 of its gate"),
        ({**FLIP, "instructions": [[{"name": "x", "qubits": ["a"]}]]}, "'a' is no number"),
        ({**FLIP, "instructions": [[{"name": "x"}]]}, "qubits"),
        ({**FLIP, "instructions": [[{"name": "kraus", "qubits": [0], "params": [[[2, 0], [0, 2]]]}]]}, "trace"),
        (
            {**FLIP, "instructions": [[{"name": "unitary", "qubits": [0], "params": [[[2, 0], [0, 2]]]}]]},
            "unitary",
        ),
        ({**FLIP, "instructions": "x"}, "is no list"),
        ({**FLIP, "gate_qubits": [[-1]]}, "include a negative number"),
        ({**FLIP, "gate_qubits": [[0, 1]]}, "operations and gate_qubits name 1 and 2 qubits at once"),
        ({**FLIP, "operations": ["x", "cx"]}, "name 1 and 2 qubits at once"),
        (
            {**FLIP, "instructions": [[{"name": "x", "qubits": [1]}]]},
            "an error on 2 qubits can't follow 'x' on 1",
        ),
        (
            {**FLIP, "instructions": [[{"name": "rx", "qubits": [0], "params": [math.nan]}]]},
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
def test_a_senseless_noise_model_is_refused_with_its_place(error: JsonValue, sentence: str) -> None:
    options = errors(FLIP, error)

    with pytest.raises(InvalidRequest) as refused:
        PLUGIN.check_options(options)

    assert refused.value.reason is Reason.INVALID_OPTION
    assert "noise_model.errors[1]" in refused.value.message
    assert sentence in refused.value.message


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
def test_an_error_may_leave_some_qubits_of_its_gate_alone(backend: str) -> None:
    options = errors({**FLIP, "operations": ["cx"]})
    PLUGIN.check_options(options)
    source = HEADER2 + "qreg q[3];\ncreg c[3];\nx q[2];\ncx q[2],q[1];\nmeasure q -> c;\n"

    assert counts_of(task_of(source, backend=backend, shots=10, options=options)) == {"010": 10}


@pytest.mark.parametrize("backend", ["aer_density_matrix", *TRAJECTORY_BACKENDS])
@pytest.mark.parametrize("wanted", [{ResultType.COUNTS}, EXPVAL, {ResultType.COUNTS, ResultType.EXPVAL}])
def test_an_error_of_a_reset_acts_on_a_fresh_qubit_too(wanted: set[ResultType], backend: str) -> None:
    options = errors({**FLIP, "operations": ["reset"]})
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nreset q[0];\nmeasure q -> c;\n"

    task = task_of(source, wanted, backend=backend, shots=10, options=options, observables=(observable(Z=1.0),))
    result = result_of(task)

    assert result.counts in (None, {"1": 10})
    assert result.expval in (None, (-1.0,))


def test_a_noise_model_that_slipped_through_fails_the_task_alone() -> None:
    task = task_of(BELL, options=errors("x"))

    failure = failure_of(task)

    assert failure.reason is Reason.INVALID_OPTION
    assert "noise_model.errors[0]" in failure.message


def test_a_model_of_every_kind_of_instruction_is_built() -> None:
    kraus = [np.sqrt(0.9) * np.eye(2), np.sqrt(0.1) * np.array([[0, 1], [1, 0]])]
    instructions: list[JsonValue] = [
        [{"name": "kraus", "qubits": [0], "params": [[[[x, 0.0] for x in row] for row in k.tolist()] for k in kraus]}],
        [{"name": "pauli", "qubits": [0], "params": ["Y"]}],
        [{"name": "reset", "qubits": [0]}],
        [{"name": "rx", "qubits": [0], "params": [0.1]}],
        [{"name": "unitary", "qubits": [0], "params": [[[0, 1], [1, 0]]]}],
    ]
    error = {**FLIP, "probabilities": [0.2] * 5, "instructions": instructions}
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nx q[0];\nmeasure q -> c;\n"

    counts = counts_of(task_of(source, options=errors(error), shots=200))

    assert sum(counts.values()) == 200
