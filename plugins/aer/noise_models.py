"""Aer's noise model from a request's words."""

import json
from functools import lru_cache
from typing import assert_never

from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, depolarizing_error, thermal_relaxation_error

from plugins.aer.gate_widths import ONE_QUBIT_GATES, TWO_QUBIT_GATES
from plugins.aer.noise_documents import GateError, ReadingError, read_document
from plugins.aer.noise_words import CustomNoise, DepolarizingNoise, NoiseWords, ReadoutNoise, StoredNoise, ThermalNoise
from qserver.errors import ExecutionError
from qserver.json_types import JsonObject

KEPT_MODELS = 4
"""Stored models that a process keeps built: one of 127 qubits takes a second to build, and some 20 MB."""


def build_noise(words: NoiseWords) -> NoiseModel:
    """Build the model. Raises InvalidRequest as `noise_documents.read_document` does.

    A stored one is built once for all calls that follow soon. Raises ExecutionError where its text is missing.
    """
    match words:
        case DepolarizingNoise():
            return _depolarizing(words)
        case ThermalNoise():
            return _thermal(words)
        case ReadoutNoise():
            return _readout(words)
        case CustomNoise():
            return _custom(words.document)
        case StoredNoise():
            return _stored(words)
        case _:
            assert_never(words)


def _depolarizing(words: DepolarizingNoise) -> NoiseModel:
    model = NoiseModel()
    if words.one_qubit_probability > 0:
        error = depolarizing_error(words.one_qubit_probability, 1)
        model.add_all_qubit_quantum_error(error, sorted(ONE_QUBIT_GATES))
    if words.two_qubit_probability > 0:
        error = depolarizing_error(words.two_qubit_probability, 2)
        model.add_all_qubit_quantum_error(error, sorted(TWO_QUBIT_GATES))
    return model


def _thermal(words: ThermalNoise) -> NoiseModel:
    model = NoiseModel()
    if words.one_qubit_gate_ns > 0:
        model.add_all_qubit_quantum_error(_relaxation(words, words.one_qubit_gate_ns), sorted(ONE_QUBIT_GATES))
    if words.two_qubit_gate_ns > 0:
        one = _relaxation(words, words.two_qubit_gate_ns)
        model.add_all_qubit_quantum_error(one.expand(one), sorted(TWO_QUBIT_GATES))
    if words.measurement_ns > 0:
        model.add_all_qubit_quantum_error(_relaxation(words, words.measurement_ns), "measure")
    return model


def _relaxation(words: ThermalNoise, duration_ns: float) -> QuantumError:
    return thermal_relaxation_error(
        words.t1_us, words.t2_us, duration_ns * 1e-3, excited_state_population=words.excited_state_population
    )


def _readout(words: ReadoutNoise) -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_readout_error(
        ReadoutError([[1 - words.p1_given_0, words.p1_given_0], [words.p0_given_1, 1 - words.p0_given_1]])
    )
    return model


@lru_cache(maxsize=KEPT_MODELS)
def _stored(words: StoredNoise) -> NoiseModel:
    if words.text is None:
        raise ExecutionError(f"the noise model {words.sha256} did not come with its job")
    document: JsonObject = json.loads(words.text)
    return _custom(document)


def _custom(document: JsonObject) -> NoiseModel:
    model = NoiseModel()
    for error in read_document(document):
        if isinstance(error, GateError):
            _add_gate_error(model, error)
        else:
            _add_reading_error(model, error)
    return model


def _add_gate_error(model: NoiseModel, error: GateError) -> None:
    built = QuantumError(list(error.mixture))
    if error.qubits is None:
        model.add_all_qubit_quantum_error(built, list(error.operations), warnings=False)
    for qubits in error.qubits or ():
        model.add_quantum_error(built, list(error.operations), qubits, warnings=False)


def _add_reading_error(model: NoiseModel, error: ReadingError) -> None:
    built = ReadoutError(error.probabilities)
    if error.qubits is None:
        model.add_all_qubit_readout_error(built, warnings=False)
    for qubits in error.qubits or ():
        model.add_readout_error(built, qubits, warnings=False)
