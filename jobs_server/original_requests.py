"""From the original service's `JobProperties` to values."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeGuard

from jobs_server.json_values import parse_object
from qserver.errors import InvalidRequest, Reason
from qserver.jobs import DEFAULT_SHOTS, JobRequest, Observable, PauliTerm, RunRequest
from qserver.json_types import JsonObject, JsonValue
from qserver.results import ResultType
from qserver.rpc.original.jobs_pb2 import JobProperties
from qserver.settings import LimitSettings


def job_request(properties: JobProperties, limits: LimitSettings, *, is_file_plugin: bool) -> JobRequest:
    """Read properties. Raises InvalidRequest or TooLarge naming the field.

    What stands in the metadata of a file plugin's job is between the client and the plugin: it is kept as it came, and
    shots are taken from it only where they make sense to us.
    """
    if not properties.metadata.strip():
        raise InvalidRequest('metadata is empty; it must be a JSON object as text, e.g. {"shots": 1000}')
    metadata = parse_object(properties.metadata, name="metadata", max_bytes=limits.max_metadata_bytes)
    result_types = _result_types(properties)
    run = RunRequest(
        backend=properties.targetSimulator,
        result_types=result_types,
        shots=_plugin_shots(metadata, limits) if is_file_plugin else _shots(metadata),
        # Clients send `obs` whether or not they want expval; only then does it matter.
        observables=_observables(metadata) if ResultType.EXPVAL in result_types and not is_file_plugin else (),
        metadata=metadata,
    )
    return JobRequest(run=run)


def _result_types(properties: JobProperties) -> frozenset[ResultType]:
    wanted: Mapping[ResultType, bool] = MappingProxyType(
        {
            ResultType.COUNTS: properties.resultTypeCounts,
            ResultType.QUASI_DIST: properties.resultTypeQuasiDist,
            ResultType.EXPVAL: properties.resultTypeExpVal,
        }
    )
    return frozenset(result_type for result_type, is_wanted in wanted.items() if is_wanted)


def _shots(metadata: JsonObject) -> int:
    shots = metadata.get("shots", DEFAULT_SHOTS)
    if isinstance(shots, bool) or not isinstance(shots, int):
        raise InvalidRequest("metadata.shots must be a whole number")
    return shots


def _plugin_shots(metadata: JsonObject, limits: LimitSettings) -> int:
    shots = metadata.get("shots", DEFAULT_SHOTS)
    is_usable = isinstance(shots, int) and not isinstance(shots, bool) and 1 <= shots <= limits.max_shots
    return int(shots) if isinstance(shots, int) and is_usable else DEFAULT_SHOTS


def _observables(metadata: JsonObject) -> tuple[Observable, ...]:
    listed = metadata.get("obs") or ()
    if not _is_array(listed):
        raise _invalid("metadata.obs must be a list of observables")
    return tuple(_observable(item, name=f"metadata.obs[{index}]") for index, item in enumerate(listed))


def _observable(value: JsonValue, *, name: str) -> Observable:
    if not _is_array(value):
        raise _invalid(f"{name} must be a list of [Pauli string, coefficient] pairs")
    return Observable(tuple(_term(item, name=f"{name}[{index}]") for index, item in enumerate(value)))


def _term(value: JsonValue, *, name: str) -> PauliTerm:
    match value:
        case [str(pauli), int() | float() as coefficient] if not isinstance(coefficient, bool):
            return PauliTerm(pauli, float(coefficient))
        case _:
            raise _invalid(f'{name} must be a pair of a Pauli string and a number, e.g. ["ZZ", 1.0]')


def _is_array(value: JsonValue) -> TypeGuard[Sequence[JsonValue]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.INVALID_OBSERVABLE)
