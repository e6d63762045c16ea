"""A job as JSON, for people with only curl. Checked here for its form alone: jobs_server decides what is admitted."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    model_validator,
)
from pydantic.config import JsonDict

from qserver.circuits import CircuitFormat
from qserver.jobs import DEFAULT_PRIORITY, DEFAULT_SHOTS, MAX_PRIORITY, MIN_PRIORITY, JobStatus
from qserver.results import ResultType
from rest_api.patterns import BASE64, PAULI
from rest_api.request_body import ListOf, RequestBody

MAX_NAME_LENGTH = 200
MAX_REQUEST_ID_LENGTH = 128
MAX_NESTING = 30  # protobuf readers stop at 100 nested messages; an object takes three, an array two
MAX_INT64 = 2**63 - 1
# The bound stands in the format: as `maximum`, tools that read it as a double round it up.
INT64: JsonDict = {"format": "int64"}
LARGEST_EXACT_INTEGER = 2**53  # options and metadata travel as doubles

BELL = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'


def _check_carried(value: object, depth: int = 1) -> None:
    """Raise ValueError for JSON that a protobuf Struct can't carry unchanged."""
    match value:
        case dict() | list() if depth > MAX_NESTING:
            raise ValueError(f"nests deeper than {MAX_NESTING} levels")
        case dict():
            for item in value.values():
                _check_carried(item, depth + 1)
        case list():
            for item in value:
                _check_carried(item, depth + 1)
        case int() if abs(value) > LARGEST_EXACT_INTEGER:
            raise ValueError(f"holds the integer {value}, which is not exact as a double; the limit is 2^53")
        case _:
            return


def _carried(value: Mapping[str, object]) -> Mapping[str, object]:
    _check_carried(value)
    return value


def _written_time(value: object) -> object:
    if not isinstance(value, str | None):
        raise ValueError("must be a time in RFC 3339, such as 2030-01-31T12:00:00+00:00")  # noqa: TRY004 - Pydantic's way
    return value


def _has_utc(value: datetime) -> datetime:
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie in the years 1 to 9999, in UTC too") from error
    return value


def _only(given: str, absent: str) -> JsonDict:
    """Say in JSON Schema that one of two members is given."""
    return {"required": [given], "properties": {given: {"type": "string"}, absent: {"type": "null"}}}


def _whole(value: object) -> object:
    """Take 1e3 and 5.0 for the whole numbers that they are, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _fits_int64(value: int) -> int:
    if value > MAX_INT64:
        raise ValueError(f"must be at most {MAX_INT64}")
    return value


Shots = Annotated[int, Field(ge=1, json_schema_extra=INT64), AfterValidator(_fits_int64), BeforeValidator(_whole)]
Seed = Annotated[int, Field(ge=0, json_schema_extra=INT64), AfterValidator(_fits_int64), BeforeValidator(_whole)]
Priority = Annotated[int, Field(ge=MIN_PRIORITY, le=MAX_PRIORITY), BeforeValidator(_whole)]
Pauli = Annotated[str, Field(pattern=PAULI)]
Term = Annotated[tuple[Pauli, float], Strict(False)]
Moment = Annotated[AwareDatetime, AfterValidator(_has_utc)]
FreeObject = Annotated[dict[str, object], AfterValidator(_carried)]


class Submission(RequestBody):
    """One job. The circuit is either `circuit` (text) or `circuit_base64` (any format)."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [{"backend": "aer", "circuit": BELL, "result_types": ["counts"], "shots": 1024}],
            "oneOf": [_only("circuit", "circuit_base64"), _only("circuit_base64", "circuit")],
        },
    )

    backend: Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH, description="see GET /api/v1/backends")]
    circuit: Annotated[str | None, Field(min_length=1, description="source as text: OpenQASM 2 or 3")] = None
    circuit_base64: Annotated[
        str | None, Field(min_length=4, pattern=BASE64, description="source as base64, e.g. QPY")
    ] = None
    circuit_format: Annotated[
        CircuitFormat | None, Strict(False), Field(description="told from the source where absent")
    ] = None
    result_types: Annotated[
        list[Annotated[ResultType, Strict(False)]], Field(min_length=1, max_length=len(ResultType), fail_fast=True)
    ]
    shots: Shots = DEFAULT_SHOTS
    seed: Annotated[Seed | None, Field(description="makes the run repeatable")] = None
    precision: Annotated[
        float | None, Field(gt=0, description="wanted standard error of expval; exact where absent")
    ] = None
    observables: Annotated[
        ListOf[Annotated[ListOf[Term], Field(min_length=1)]],
        Field(
            description="for expval: each a list of [pauli string, coefficient]; the rightmost letter is qubit 0",
            examples=[[[["ZZ", 1.0], ["XX", 0.5]]]],
        ),
    ] = Field(default=[])
    options: FreeObject = Field(default={}, description="see the backend's options_schema at /api/v1/plugins")
    metadata: FreeObject = Field(default={}, description="free, given back as it came")
    priority: Annotated[Priority, Field(description="higher runs earlier")] = DEFAULT_PRIORITY
    time_limit_seconds: Annotated[float | None, Field(gt=0, description="longest run")] = None
    expires_at: Annotated[
        Moment | None, Strict(False), BeforeValidator(_written_time), Field(description="latest start")
    ] = None
    request_id: Annotated[
        str | None,
        Field(min_length=1, max_length=MAX_REQUEST_ID_LENGTH, description="makes submitting the same job twice safe"),
    ] = None
    cache: Annotated[
        bool,
        Field(description="answer from an equal job's stored result: without a seed the same sample, not a new one"),
    ] = False

    @model_validator(mode="after")
    def _has_one_circuit(self) -> Self:
        if (self.circuit is None) == (self.circuit_base64 is None):
            raise ValueError("exactly one of circuit and circuit_base64 must be given")
        return self

    def source(self) -> bytes:
        """Give the circuit's bytes."""
        if self.circuit_base64 is None:
            return (self.circuit or "").encode()
        return base64.b64decode(self.circuit_base64)


@dataclass(frozen=True, slots=True)
class AcceptedJob:
    """What jobs_server answered: the job is stored."""

    id: UUID
    pointer: int
    status: JobStatus
    submitted_at: datetime
