"""What a job is: the words of its request, its states, and the moves between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from qserver.circuits import CircuitFormat
from qserver.errors import Reason
from qserver.identity import Identity
from qserver.json_types import JsonObject
from qserver.results import ResultType
from qserver.sweeps import Sweep

DEFAULT_SHOTS = 1000
DEFAULT_PRIORITY = 0
MIN_PRIORITY, MAX_PRIORITY = -100, 100
MAX_SEED = 2**63 - 1


class JobStatus(StrEnum):
    """Where a job is in its life. The words are the original service's."""

    PENDING = "pending"  #: stored, waits for a worker (again, if one was lost)
    RUNNING = "running"  #: a worker holds its lease
    FINISHED = "finished"  #: its results are stored
    FAILED = "failed"  #: it can't be run; reason and message say why
    CANCELED = "canceled"  #: somebody stopped it

    @property
    def is_final(self) -> bool:
        """Whether the job will never change again."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED})

ALLOWED_MOVES: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        JobStatus.PENDING: frozenset({JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELED}),
        JobStatus.RUNNING: frozenset({JobStatus.PENDING, JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED}),
        JobStatus.FINISHED: frozenset(),
        JobStatus.FAILED: frozenset(),
        JobStatus.CANCELED: frozenset(),
    }
)
"""Every move that exists; `database/jobs/` makes them as guarded updates, and nothing else does."""


class Program(StrEnum):
    """What kind of work a job is."""

    CIRCUIT = "circuit"  #: circuits over inputs, one result document a PUB


@dataclass(frozen=True, slots=True)
class PauliTerm:
    """A Pauli string in Qiskit's order (rightmost letter is qubit 0) and its real coefficient."""

    pauli: str
    coefficient: float


@dataclass(frozen=True, slots=True)
class Observable:
    """A weighted sum of Pauli strings, all of one width."""

    terms: tuple[PauliTerm, ...]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """How a circuit is to be run: the part of a job that plugins see, checked at ingest."""

    backend: str
    result_types: frozenset[ResultType]
    shots: int = DEFAULT_SHOTS
    seed: int | None = None
    precision: float | None = None  #: wanted standard error of expval; None means exact
    observables: tuple[Observable, ...] = ()
    options: JsonObject = field(default_factory=dict)  #: checked against the backend's options_schema
    metadata: JsonObject = field(default_factory=dict)  #: free; stored and given back; file plugins read it
    sweep: Sweep | None = None  #: of a PUB; a job read for its state comes without


@dataclass(frozen=True, slots=True)
class JobRequest:
    """All that a client says about one job, beside the circuit itself."""

    run: RunRequest
    priority: int = DEFAULT_PRIORITY
    time_limit_seconds: float | None = None  #: running longer fails the job with DEADLINE_EXCEEDED
    expires_at: datetime | None = None  #: not started by then, it fails with EXPIRED
    request_id: str | None = None  #: makes submitting idempotent, per owner
    circuit_format: CircuitFormat | None = None  #: as the client states it, if at all; once admitted, as it was found
    cache: bool = False  #: an equal job's stored result will do, and this one's for later jobs
    num_pubs: int | None = None  #: of a job of PUBs, of which `run` is the first; None for a job of one circuit


@dataclass(frozen=True, slots=True)
class Job:
    """A job as everybody reads it. `pointer` rises with each submission. Times are aware and in UTC."""

    id: UUID
    pointer: int
    owner_id: UUID
    circuit_id: UUID
    request: JobRequest
    plugin: str
    route: str
    status: JobStatus
    reason: Reason | None
    message: str | None
    attempt: int  #: how often a worker has claimed it
    max_attempts: int
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    event_sequence: int  #: sequence number of its latest event


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job's state. `sequence` counts from 1 within the job."""

    job_id: UUID
    sequence: int
    status: JobStatus
    at: datetime
    reason: Reason | None = None
    message: str | None = None
    actor: str | None = None  #: user, or worker, or service that made the change
    address: str | None = None  #: where a client submitted it from; for administrators

    def shown_to(self, caller: Identity) -> "JobEvent":
        """Give it as a caller may see it: addresses are administrators' affair."""
        return self if caller.sees_everything or self.address is None else replace(self, address=None)
