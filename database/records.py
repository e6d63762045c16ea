"""What goes into the database and comes out of it, as values. Rows and sessions never leave this package."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

from qserver.circuits import Circuit, CircuitFormat, CircuitProfile
from qserver.errors import Reason
from qserver.identity import Identity
from qserver.jobs import Job, JobRequest, JobStatus, RunRequest
from qserver.noise_models import NoiseModel
from qserver.plugins import BackendSpec, Plan
from qserver.plugins import InstallState as InstallState  # noqa: PLC0414 - part of a worker's record too
from qserver.plugins import PluginInstallation as PluginInstallation  # noqa: PLC0414
from qserver.results import Array, PubResult


@dataclass(frozen=True, slots=True)
class NewPub:
    """A PUB that passed admission."""

    circuit: Circuit
    circuit_sha256: bytes
    run: RunRequest
    plan: Plan


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that passed admission, ready to be stored with its circuit."""

    id: UUID
    identity: Identity
    circuit: Circuit
    circuit_sha256: bytes  # of source, format and reader: see `circuit_hash`
    request: JobRequest
    plugin: str
    route: str
    plan: Plan
    max_attempts: int
    cache_key: bytes | None = None  # of `cache_key`, where a stored result of an equal job will do
    noise_model: NoiseModel | None = None  # that its options name
    pubs: tuple[NewPub, ...] = ()  # of a job of PUBs: all of them; the job's own circuit, run and plan are the first's


@dataclass(frozen=True, slots=True)
class NamedSubmission:
    """What a client sends under a request_id, perhaps not for the first time. Nothing of it has been checked."""

    owner_id: UUID
    request_id: str
    request: JobRequest
    source: bytes  # of a job of PUBs: `pubs_content`


@dataclass(frozen=True, slots=True)
class StoredCircuit:
    """A circuit as stored: what was sent, and what the inspector made of it."""

    id: UUID
    circuit: Circuit


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a job: only the worker that holds it may store a result, and only for this attempt."""

    job_id: UUID
    worker_id: UUID
    attempt: int


OnLease: TypeAlias = Callable[[Sequence[Lease]], None]
"""Hears of leases as soon as they run, before their jobs are read."""


@dataclass(frozen=True, slots=True)
class ClaimedPub:
    """A PUB of a job just claimed."""

    circuit: Circuit
    run: RunRequest
    plan: Plan


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job just claimed, with all that is needed to run it. `queued_seconds` is from submission to claim.

    Of a job of PUBs, `pubs` are what is run; `circuit` is the first one's and `plan` that of all. Jobs that were
    claimed together and name the same noise model share it.
    """

    job: Job
    lease: Lease
    circuit: Circuit
    plan: Plan
    queued_seconds: float
    pubs: tuple[ClaimedPub, ...] = ()
    noise_model: NoiseModel | None = None


@dataclass(frozen=True, slots=True)
class Claimant:
    """The worker that wants jobs: the claim repeats in SQL what its routes promise.

    Jobs of the plugins in `lacking_engines` are left to other workers.
    """

    worker_id: UUID
    routes: frozenset[str]
    memory_bytes: int
    lacking_engines: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Completion:
    """A leased job that ran: one result a PUB, in order."""

    lease: Lease
    results: tuple[PubResult, ...]


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A leased job that can't be run."""

    lease: Lease
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The results of a finished job, one a PUB. `id` is the result's own, as the original contract shows it."""

    id: UUID
    job_id: UUID
    results: tuple[PubResult, ...]


@dataclass(frozen=True, slots=True)
class ResultSummary:
    """What the original contract shows of a finished job: these kinds of result, of its first PUB.

    `id` is the result's own. What was not asked for is None, or empty.
    """

    id: UUID
    job_id: UUID
    counts: Mapping[str, int] | None
    quasi_dist: Mapping[str, float] | None
    expval: tuple[float, ...]


class StoredDocument(NamedTuple):
    """The result of one PUB as it is stored: JSON text (see `database.result_documents`), and its arrays.

    A tuple, as `JobResult` is: hundreds are made for one answer, and a dataclass takes four times as long.
    """

    id: UUID
    text: str
    arrays: tuple[Array, ...] = ()


class JobResult(NamedTuple):
    """What there is to read of a job: one document a PUB, or its state, which says why there is none.

    `size_bytes` counts documents and arrays. `documents` is None where they are too large to be read beside others.
    """

    job_id: UUID
    status: JobStatus
    reason: Reason | None
    message: str | None
    size_bytes: int
    documents: tuple[StoredDocument, ...] | None


class PlainResult(NamedTuple):
    """What there is to read of a finished job of one PUB, not large and without arrays: its document.

    As text, and the id too: hundreds of them are passed on as they come.
    """

    job_id: str
    text: str


@dataclass(frozen=True, slots=True)
class JobDetail:
    """A job with its circuit's source and its results, as the original contract shows it."""

    job: Job
    owner: str  # name of the user
    circuit_format: CircuitFormat
    source: bytes
    result: ResultSummary | None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What is remembered of a job that is over, whether or not the job itself was deleted.

    `source` and `result` are None once the circuit or the job's results are gone.
    """

    id: int
    job_id: UUID
    pointer: int
    owner: str  # name of the user
    request: JobRequest
    status: JobStatus
    reason: Reason | None
    message: str | None
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime
    circuit_format: CircuitFormat | None
    source: bytes | None
    result: ResultSummary | None


class PluginKind(StrEnum):
    """Where a plugin comes from."""

    BUILT_IN = "built_in"  # part of the server, or found by entry point
    FILE = "file"  # written for the original service; added by an administrator


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """A registered plugin. `distribution` and `version` pin a file plugin's package."""

    name: str
    kind: PluginKind
    version: str
    added_at: datetime
    distribution: str | None = None


@dataclass(frozen=True, slots=True)
class BackendRecord:
    """A registered backend. `pointer` rises with each one. `plugin_backend` is the plugin's own name for it."""

    id: UUID
    pointer: int
    plugin: str
    plugin_backend: str
    spec: BackendSpec


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker as it describes itself. Times are by the database's clock."""

    id: UUID
    name: str
    host: str
    version: str
    routes: frozenset[str]
    plugins: tuple[str, ...]
    devices: tuple[str, ...]  # "CPU", "GPU"
    cores: int
    memory_bytes: int
    gpu_memory_bytes: int
    simulator_processes: int
    installations: Mapping[str, PluginInstallation] = field(default_factory=dict)
    running_jobs: int = 0
    is_draining: bool = False
    started_at: datetime | None = None
    heartbeat_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What a retention pass removed, or would remove, of one kind of thing; and whether its limit ended it."""

    kind: str
    count: int
    may_be_more: bool = False


CircuitKey: TypeAlias = tuple[UUID, bytes]
"""What makes two circuits the same: their owner, and the hash of source, format and the plugin that reads them."""


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A circuit found again by its hash: neither parsed nor stored a second time."""

    circuit_id: UUID
    circuit_format: CircuitFormat
    profile: CircuitProfile | None
