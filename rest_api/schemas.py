"""What the service answers in our words: the very values that are written out are the models of the OpenAPI document.

They are frozen dataclasses, not Pydantic models: orjson writes them natively, several times faster than a validated
response model, and nothing that we made ourselves needs validating.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from database.records import InstallState, PluginKind
from qserver.circuits import CircuitFormat
from qserver.errors import ReachedLimit, Reason
from qserver.jobs import JobStatus
from qserver.quotas import QuotaUse
from qserver.results import ResultType, RunRecord
from qserver.settings import LimitSettings

Counts = Annotated[
    Mapping[str, int],
    Field(
        description="shots by bitstring; leftmost bit is the highest classical bit", examples=[{"00": 507, "11": 493}]
    ),
]
QuasiDist = Annotated[
    Mapping[str, float],
    Field(
        description="counts over shots, by the outcome as a decimal integer",
        examples=[{"0": 0.507, "3": 0.493}],
    ),
]
Probabilities = Annotated[
    Mapping[str, float], Field(description="exact, by bitstring like `counts`", examples=[{"00": 0.5, "11": 0.5}])
]
Owner = Annotated[str, Field(description="name of the user whose job it is", examples=["ada"])]
Values = Annotated[Sequence[float], Field(description="one for each observable, in order", examples=[[1.0]])]


@dataclass(frozen=True, slots=True)
class PackedArray:
    """Numbers that are too many for JSON, as little-endian bytes in C order."""

    name: Annotated[str, Field(examples=["statevector"])]
    dtype: Annotated[
        str,
        Field(description="NumPy's name, or `bits`: rows padded to whole bytes, leftmost bit first in the first byte"),
    ]
    shape: Sequence[int]
    data: Annotated[str, Field(description="base64")]


@dataclass(frozen=True, slots=True)
class PubResult:
    """The result of one PUB; what was not asked for is null."""

    run: RunRecord
    counts: Counts | None
    quasi_dist: QuasiDist | None
    expval: Values | None
    expval_standard_errors: Annotated[Sequence[float] | None, Field(description="0 where the value is exact")]
    probabilities: Probabilities | None
    arrays: Annotated[Sequence[PackedArray], Field(description="`memory` and `statevector`")]


@dataclass(frozen=True, slots=True)
class ResultDocument:
    """Everything that is stored of a job's results, one entry a PUB."""

    document: Annotated[str, Field(description="name of this form", examples=["qserver.result"])]
    version: Annotated[int, Field(description="rises when the form changes", examples=[1])]
    id: UUID
    job_id: UUID
    results: Sequence[PubResult]


@dataclass(frozen=True, slots=True)
class PubDocument:
    """The result of one PUB as it is stored; what was not asked for is left out."""

    schema: Annotated[str, Field(description="name of this form", examples=["qserver.result"])]
    version: Annotated[int, Field(description="rises when the form changes", examples=[1])]
    run: RunRecord
    counts: Counts | None = None
    quasi_dist: QuasiDist | None = None
    expval: Values | None = None
    expval_standard_errors: Annotated[Sequence[float] | None, Field(description="0 where the value is exact")] = None
    probabilities: Probabilities | None = None
    arrays: Annotated[Sequence[PackedArray] | None, Field(description="`memory` and `statevector`")] = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of one job: its results, one entry a PUB, or why there are none."""

    job_id: UUID
    status: Annotated[JobStatus | None, Field(description="null where there is no such job")]
    reason: Annotated[Reason | None, Field(description="machine-readable; null where there is a result")]
    message: Annotated[str | None, Field(description="why there is no result (yet)")]
    results: Annotated[Sequence[PubDocument], Field(description="empty where there is no result (yet)")]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a job's state; sent as the data of a server-sent event whose id is `sequence`."""

    sequence: int
    status: JobStatus
    at: datetime
    reason: Reason | None
    message: str | None
    actor: Annotated[
        str | None,
        Field(description="who did it: a user's name, a worker's id, or `cache`; null where nobody is named"),
    ]
    address: Annotated[
        str | None, Field(description="where the job was submitted from; null for who is no administrator")
    ]


@dataclass(frozen=True, slots=True)
class Links:
    """Where to go on."""

    job: str
    events: str
    result: str


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    """A job that is stored and waits."""

    id: UUID
    pointer: int
    status: JobStatus
    submission_date: datetime
    links: Links


@dataclass(frozen=True, slots=True)
class BackendDetail:
    """All that a plugin declares of a backend."""

    name: str
    description: str
    result_types: Sequence[ResultType]
    formats: Sequence[CircuitFormat]
    devices: Sequence[str]
    max_qubits: Annotated[int | None, Field(description="null where only memory limits the width")]
    options_schema: Annotated[Mapping[str, object], Field(description="JSON Schema of a job's `options`")]
    qpy_versions: Annotated[Sequence[int], Field(description="versions of QPY that are read; empty where none is")]


@dataclass(frozen=True, slots=True)
class Installation:
    """How far one worker is with a file plugin."""

    worker: str
    state: InstallState
    message: str | None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A registered plugin, its backends, and how far the workers are with it."""

    name: str
    kind: PluginKind
    version: str
    distribution: Annotated[str | None, Field(description="package of a file plugin")]
    added_at: datetime
    backends: Sequence[BackendDetail]
    installations: Sequence[Installation]


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as it describes itself."""

    id: UUID
    name: str
    host: str
    version: str
    is_live: Annotated[bool, Field(description="whether its last heartbeat is recent")]
    is_draining: bool
    running_jobs: int
    simulator_processes: int
    cores: int
    memory_bytes: int
    gpu_memory_bytes: int
    devices: Sequence[str]
    routes: Sequence[str]
    plugins: Sequence[str]
    started_at: datetime | None
    heartbeat_at: datetime | None


@dataclass(frozen=True, slots=True)
class Service:
    """What answers here, and where its gRPC is."""

    name: Literal["qserver"]
    version: Annotated[str, Field(examples=["0.1.0"])]
    grpc_port: Annotated[
        int | None, Field(description="port of gRPC on the same host; null where it is the port you came by")
    ]


@dataclass(frozen=True, slots=True)
class Health:
    """The service runs."""

    status: Literal["ok"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Whether a neighbour answers, and if not, what it said."""

    name: Literal["database", "jobs_server", "broker", "workers"]
    is_ready: bool
    message: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """`unavailable` when the database is missing, `degraded` when another neighbour is."""

    status: Literal["ok", "degraded", "unavailable"]
    neighbours: Sequence[Neighbour]


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong field."""

    field: Annotated[str, Field(examples=["query.cursor"])]
    message: str


@dataclass(frozen=True, slots=True)
class ProblemDocument:
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(description="the status in words", examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(description="a sentence that names the thing and the limit")]
    reason: Annotated[Reason, Field(description="machine-readable, the same on every interface")]
    msg: Annotated[str, Field(description="the same as `detail`, where clients of the original look for it")]
    line: Annotated[int | None, Field(description="place in the circuit, from 1")] = None
    column: Annotated[int | None, Field(description="place in the circuit, from 1")] = None
    errors: Annotated[Sequence[Fault] | None, Field(description="each wrong field")] = None
    limit: Annotated[ReachedLimit | None, Field(description="the limit that is reached")] = None


class Limits(LimitSettings):
    """What a request may ask for, and what may be had in all."""

    quotas: Annotated[
        Sequence[QuotaUse],
        Field(description="what a user and all users together may have, with what is used now; null where not set"),
    ]
