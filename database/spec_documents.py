"""What plugins declare of their backends, as JSON documents and back."""

from typing import NotRequired, TypedDict, cast

from qserver.circuits import CircuitFormat
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec
from qserver.results import ResultType


class SpecDocument(TypedDict):
    """A backend as its plugin declares it."""

    name: str
    description: str
    result_types: list[str]
    formats: list[str]
    options_schema: JsonObject
    sandboxed_options: list[str]
    max_qubits: int | None
    devices: list[str]
    takes_pubs: NotRequired[bool]
    takes_noise_models: NotRequired[bool]
    qpy_versions: NotRequired[list[int]]


def encode_spec(spec: BackendSpec) -> JsonObject:
    """Write a backend's description."""
    document = SpecDocument(
        name=spec.name,
        description=spec.description,
        result_types=sorted(spec.result_types),
        formats=sorted(spec.formats),
        options_schema=spec.options_schema,
        sandboxed_options=sorted(spec.sandboxed_options),
        max_qubits=spec.max_qubits,
        devices=sorted(spec.devices),
        takes_pubs=spec.takes_pubs,
        takes_noise_models=spec.takes_noise_models,
        qpy_versions=list(spec.qpy_versions),
    )
    return cast("JsonObject", document)


def decode_spec(document: SpecDocument) -> BackendSpec:
    """Read a backend's description."""
    return BackendSpec(
        name=document["name"],
        description=document["description"],
        result_types=frozenset(map(ResultType, document["result_types"])),
        formats=frozenset(map(CircuitFormat, document["formats"])),
        options_schema=document["options_schema"],
        sandboxed_options=frozenset(document["sandboxed_options"]),
        max_qubits=document["max_qubits"],
        devices=frozenset(document["devices"]),
        takes_pubs=document.get("takes_pubs", False),
        takes_noise_models=document.get("takes_noise_models", False),
        qpy_versions=tuple(document.get("qpy_versions", ())),
    )
