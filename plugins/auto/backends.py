"""The backend that the plugin brings. Its options are those of `aer`; a precision that isn't named may be chosen."""

from plugins.aer.backends import CIRCUIT_FORMATS, QPY_VERSIONS, SANDBOXED_OPTIONS
from plugins.aer.methods import Device, FloatPrecision
from plugins.aer.schemas import options_schema
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec
from qserver.results import ResultType

PLUGIN_NAME = "auto"
PLUGIN_VERSION = "1.1.0"
BACKEND_NAME = "auto"


def _schema() -> JsonObject:
    schema = options_schema()
    properties = schema["properties"]
    float_precision: JsonObject = {
        "description": "double: 16 bytes an amplitude; single: 8 bytes, about 7 digits; left out: double, but for "
        "large dense circuits that are only sampled, where nobody could tell",
        "enum": list(FloatPrecision),
    }
    return {**schema, "properties": {**properties, "float_precision": float_precision}}  # type: ignore[dict-item]


BACKENDS: tuple[BackendSpec, ...] = (
    BackendSpec(
        name=BACKEND_NAME,
        description="Qiskit Aer or qsim, whichever gives what is asked for soonest; the result says which and why",
        result_types=frozenset(ResultType),
        formats=CIRCUIT_FORMATS,
        options_schema=_schema(),
        sandboxed_options=SANDBOXED_OPTIONS,
        takes_pubs=True,
        takes_noise_models=True,
        qpy_versions=QPY_VERSIONS,
        devices=frozenset({str(Device.CPU), str(Device.GPU)}),
    ),
)
