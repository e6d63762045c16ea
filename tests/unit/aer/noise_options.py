"""Noise as a job's options ask for it."""

import json

from qiskit_aer.noise import NoiseModel

from qserver.json_types import JsonObject, JsonValue

TRAJECTORY_BACKENDS = ["aer_statevector", "aer_stabilizer", "aer_matrix_product_state"]
FLIP: JsonObject = {
    "type": "qerror",
    "operations": ["x"],
    "probabilities": [1.0],
    "instructions": [[{"name": "x", "qubits": [0]}]],
}


def depolarizing(one: float = 0.0, two: float = 0.0) -> JsonObject:
    return {"noise_model": {"name": "depolarizing", "one_qubit_probability": one, "two_qubit_probability": two}}


def thermal(**values: float) -> JsonObject:
    return {"noise_model": {"name": "thermal", **values}}


def readout(p1_given_0: float, p0_given_1: float) -> JsonObject:
    return {"noise_model": {"name": "readout", "p1_given_0": p1_given_0, "p0_given_1": p0_given_1}}


def as_option(model: NoiseModel) -> JsonObject:
    return {"noise_model": json.loads(json.dumps(model.to_dict(serializable=True)))}


def errors(*entries: JsonValue) -> JsonObject:
    """Give a model in Aer's JSON form."""
    return {"noise_model": {"errors": list(entries)}}
