"""Noise models that are stored beside jobs: the options refer to them, and the text comes with the task."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from qiskit import QuantumCircuit
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import ReadoutError, depolarizing_error

from plugins.aer.noise_documents import GateError, ReadingError, read_document
from qserver.errors import InvalidRequest
from qserver.json_types import JsonObject, JsonValue
from qserver.noise_models import OPTION, NoiseModel, reference_to
from qserver.plugins import Task
from qserver.results import ResultType
from tests.unit.aer.noise_options import FLIP, as_option, errors
from tests.unit.aer.running import EXPVAL, PLUGIN, counts_of, failure_of, observable, result_of, task_of

GHZ = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[3]; creg c[3]; h q[0]; cx q[0],q[1]; cx q[1],q[2]; measure q -> c;'


def device_noise(probability: float = 0.05) -> JsonObject:
    """Give noise that differs between qubits, as a device's does."""
    model = AerNoiseModel()
    for qubit in range(3):
        model.add_quantum_error(depolarizing_error(probability * (qubit + 1), 1), ["h"], [qubit])
        model.add_readout_error(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [qubit])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), ["cx"])
    return as_option(model)


def document_of(options: JsonObject) -> JsonObject:
    document = options[OPTION]
    assert isinstance(document, dict)
    return document


def stored(options: JsonObject, **words: JsonValue) -> tuple[JsonObject, bytes]:
    """Give the options that refer to a model, and its text."""
    model = NoiseModel.of(document_of(options))
    return {OPTION: {**reference_to(model.sha256), **words}}, model.text


def described(options: JsonObject) -> tuple[JsonObject, bytes]:
    return stored(options, **PLUGIN.describe_noise_model(document_of(options)))


def stored_task(options: JsonObject, *, seed: int) -> Task:
    reference, text = described(options)
    return replace(task_of(GHZ, options=reference, seed=seed, shots=2000), noise_model=text)


def test_a_stored_model_gives_the_counts_of_the_same_model_in_the_options() -> None:
    options = device_noise()

    inline = counts_of(task_of(GHZ, options=options, seed=11, shots=2000))
    beside = counts_of(stored_task(options, seed=11))

    assert beside == inline
    assert len(beside) > 2


def test_what_a_reference_says_is_planned_as_the_model_itself() -> None:
    for options in (device_noise(), errors(FLIP), errors({**FLIP, "gate_qubits": [[1]]})):
        reference, _ = described(options)
        inline = task_of(GHZ, EXPVAL, options=options, observables=(observable(ZZZ=1.0),))

        beside = task_of(GHZ, EXPVAL, options=reference, observables=(observable(ZZZ=1.0),))

        assert beside.plan == inline.plan


def test_pauli_noise_alone_goes_to_the_stabilizer_method() -> None:
    reference, text = described(errors(FLIP))
    circuit = QuantumCircuit(40)
    circuit.x(range(40))
    task = task_of(circuit, EXPVAL, options=reference, observables=(observable(**{"Z" * 40: 1.0}),))

    result = result_of(replace(task, noise_model=text))

    assert result.run.method == "stabilizer"
    assert result.expval == pytest.approx((1.0,))  # each x is undone by its error


def test_a_reference_that_says_nothing_is_taken_for_the_worst() -> None:
    reference, _ = stored(errors(FLIP))

    with pytest.raises(InvalidRequest, match="stabilizer method can't run this noise model"):
        task_of(GHZ, backend="aer_stabilizer", options=reference)


def test_tasks_of_equal_models_share_a_call_whatever_else_their_references_say() -> None:
    reference, _ = described(device_noise())
    bare, _ = stored(device_noise())
    other, _ = described(device_noise(0.06))

    keys = [PLUGIN.batch_key(task_of(GHZ, options=options)) for options in (reference, bare, other)]

    assert keys[0] == keys[1] is not None
    assert keys[2] != keys[0]


def test_a_model_is_built_once_for_runs_that_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    options, built = device_noise(0.07), []

    def counted(document: JsonObject) -> Sequence[GateError | ReadingError]:
        built.append(document)
        return read_document(document)

    monkeypatch.setattr("plugins.aer.noise_models.read_document", counted)

    for seed in range(3):
        counts_of(stored_task(options, seed=seed))

    assert len(built) == 1


def test_a_task_without_its_model_fails_with_words() -> None:
    reference, _ = described(device_noise(0.08))

    failure = failure_of(task_of(GHZ, {ResultType.COUNTS}, options=reference))

    assert "did not come with its job" in failure.message


def test_a_model_is_described_for_people() -> None:
    words = PLUGIN.describe_noise_model(document_of(device_noise()))

    assert words["description"] == "7 errors of cx, h, measure on 3 qubits"


def test_a_model_that_makes_no_sense_is_refused_with_its_place() -> None:
    wrong = errors(FLIP, {**FLIP, "probabilities": [0.5]})

    with pytest.raises(InvalidRequest, match=r"noise_model.errors\[1\]: probabilities sum to 0.5, not to 1"):
        PLUGIN.describe_noise_model(document_of(wrong))
