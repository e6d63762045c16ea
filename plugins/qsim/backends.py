"""The backend that the plugin brings."""

from plugins.aer.backends import CIRCUIT_FORMATS, QPY_VERSIONS
from plugins.aer.methods import Device, FloatPrecision
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec
from qserver.results import ResultType

PLUGIN_NAME = "qsim"
PLUGIN_VERSION = "1.1.0"
BACKEND_NAME = "qsim"
METHOD = "qsim_statevector"
AMPLITUDE_BYTES = 8

# What qsim can't do is named here all the same: a plan then refuses it and says which backend can.
_OPTIONS_SCHEMA: JsonObject = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "device": {
            "description": "auto or CPU; GPU is refused: the backend aer has one",
            "enum": list(Device),
            "default": Device.AUTO,
        },
        "float_precision": {
            "description": "single: 8 bytes an amplitude, about 7 digits; double is refused: the backend aer has it",
            "enum": list(FloatPrecision),
            "default": FloatPrecision.SINGLE,
        },
        "noise_model": {
            "description": "refused, as qsim simulates no noise here: the backend aer does",
            "type": "object",
        },
    },
}

BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        name=BACKEND_NAME,
        description="qsim, statevector in single precision: 8 * 2^n bytes; dense circuits whose measurements come last",
        result_types=frozenset(ResultType),
        formats=CIRCUIT_FORMATS,
        qpy_versions=QPY_VERSIONS,
        options_schema=_OPTIONS_SCHEMA,
    ),
)
