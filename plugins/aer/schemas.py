"""JSON Schemas (draft 2020-12) of the backends' options, with a description of every value for people."""

from plugins.aer.methods import Device, FloatPrecision
from plugins.aer.noise_words import DEPOLARIZING, READOUT, THERMAL
from qserver.json_types import JsonObject, JsonValue

MAX_BOND_DIMENSION = 65_536

_PROBABILITY: JsonObject = {"type": "number", "minimum": 0, "maximum": 1}


def options_schema(*, has_noise: bool = True, has_bond_dimension: bool = False) -> JsonObject:
    """Describe the options object of a backend; nothing beside the named options is allowed."""
    properties: dict[str, JsonValue] = {"device": _DEVICE, "float_precision": _FLOAT_PRECISION}
    if has_noise:
        properties["noise_model"] = _NOISE_MODEL
    if has_bond_dimension:
        properties["max_bond_dimension"] = _MAX_BOND_DIMENSION
        properties["truncation_threshold"] = _TRUNCATION_THRESHOLD
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _probability(description: str) -> JsonObject:
    return {**_PROBABILITY, "description": description, "default": 0}


def _span(description: str) -> JsonObject:
    return {"type": "number", "minimum": 0, "maximum": 1e12, "description": description, "default": 0}


def _named_noise(name: str, description: str, *, required: tuple[str, ...], properties: JsonObject) -> JsonObject:
    return {
        "title": name,
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": ["name", *required],
        "properties": {"name": {"const": name}, **properties},
    }


_DEVICE: JsonObject = {
    "description": "where the state is held; auto takes a GPU where a worker has one and the circuit gains by it",
    "enum": list(Device),
    "default": Device.AUTO,
}
_FLOAT_PRECISION: JsonObject = {
    "description": "double: 16 bytes an amplitude; single: 8 bytes, about 7 digits",
    "enum": list(FloatPrecision),
    "default": FloatPrecision.DOUBLE,
}
_MAX_BOND_DIMENSION: JsonObject = {
    "description": "singular values kept at each bond; fewer than the state needs makes the result approximate",
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_BOND_DIMENSION,
}
_TRUNCATION_THRESHOLD: JsonObject = {
    "description": "singular values are dropped while the sum of their squares stays below this",
    "type": "number",
    "minimum": 0,
    "exclusiveMaximum": 1,
    "default": 1e-16,
}
_DEPOLARIZING: JsonObject = _named_noise(
    DEPOLARIZING,
    "after each gate its qubits become maximally mixed with this probability; wider gates are decomposed first",
    required=(),
    properties={
        "one_qubit_probability": _probability("for gates on one qubit"),
        "two_qubit_probability": _probability("for gates on two qubits"),
    },
)
_THERMAL: JsonObject = _named_noise(
    THERMAL,
    "each gate lets its qubits relax and dephase for its duration; wider gates are decomposed first",
    required=("t1_us", "t2_us"),
    properties={
        "t1_us": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e12, "description": "relaxation time T1 in us"},
        "t2_us": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1e12,
            "description": "dephasing time T2 in us, at most 2 * T1",
        },
        "one_qubit_gate_ns": _span("duration of a gate on one qubit in ns"),
        "two_qubit_gate_ns": _span("duration of a gate on two qubits in ns"),
        "measurement_ns": _span("duration of a measurement in ns; relaxation happens before it is read"),
        "excited_state_population": _probability("population of |1> at equilibrium"),
    },
)
_READOUT: JsonObject = _named_noise(
    READOUT,
    "each measured bit is read wrongly with these probabilities",
    required=(),
    properties={
        "p1_given_0": _probability("probability to read 1 where the qubit is 0"),
        "p0_given_1": _probability("probability to read 0 where the qubit is 1"),
    },
)
_CUSTOM: JsonObject = {
    "title": "Aer's JSON form",
    "description": "a noise model as NoiseModel.to_dict(serializable=True) of Qiskit Aer writes it",
    "type": "object",
    "additionalProperties": False,
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "probabilities"],
                "properties": {
                    "type": {"enum": ["qerror", "roerror"]},
                    "id": {"type": "string"},
                    "operations": {"type": "array", "items": {"type": "string"}},
                    "gate_qubits": {
                        "type": "array",
                        "items": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                    },
                    "probabilities": {"type": "array", "minItems": 1},
                    "instructions": {"type": "array"},
                },
                "additionalProperties": False,
            },
        }
    },
}
_STORED: JsonObject = {
    "title": "a stored model",
    "description": "what answers show of a model that is stored beside its jobs; sent again, its hash alone counts",
    "type": "object",
    "additionalProperties": False,
    "required": ["sha256"],
    "properties": {
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "of its JSON, as it is stored"},
        "size_bytes": {"type": "integer"},
        "description": {"type": "string"},
        "names_qubits": {"type": "boolean", "description": "whether some errors act on some qubits only"},
        "keeps_stabilizers": {"type": "boolean", "description": "whether all errors are mixtures of Paulis and resets"},
        "disturbs_measurement": {"type": "boolean"},
    },
}
_NOISE_MODEL: JsonObject = {
    "description": "noise of the simulated machine: named with parameters, or Aer's JSON form",
    "oneOf": [_DEPOLARIZING, _THERMAL, _READOUT, _CUSTOM, _STORED],
}
