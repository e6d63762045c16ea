"""A job and its events as the server told them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from google.protobuf.json_format import MessageToDict

from qserver import wire
from qserver.circuits import CircuitFormat
from qserver.errors import QServerError, Reason
from qserver.jobs import JobStatus
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job at the moment of asking. Times are aware and in UTC; `owner` is the name of the user whose it is.

    `event_sequence` is the number of its latest event.
    """

    id: str
    pointer: int
    status: JobStatus
    reason: Reason | str | None
    message: str
    backend: str
    result_types: tuple[ResultType, ...]
    circuit_format: CircuitFormat | None
    shots: int
    seed: int | None
    priority: int
    request_id: str
    options: Mapping[str, object]
    metadata: Mapping[str, object]
    attempt: int
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    owner: str
    event_sequence: int


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """One change of a job's state. `sequence` counts from 1 within the job.

    `actor` is who did it: a user's name, a worker's id, or `cache`; empty where nobody is named. `address` is where the
    job was submitted from, told to administrators alone.
    """

    sequence: int
    status: JobStatus
    reason: Reason | str | None
    message: str
    at: datetime | None
    actor: str
    address: str


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """A backend. `max_qubits` is the widest circuit that it takes; memory may hold less.

    `qpy_versions` are those that it reads; none where the server is too old to say.
    """

    name: str
    plugin: str
    description: str
    result_types: tuple[ResultType, ...]
    circuit_formats: tuple[CircuitFormat, ...]
    options_schema: Mapping[str, object]
    max_qubits: int | None
    devices: tuple[str, ...]
    qpy_versions: tuple[int, ...]


def job_info(job: jobs_pb2.Job) -> JobInfo:
    """Read a job."""
    spec = job.spec
    return JobInfo(
        id=job.id,
        pointer=job.pointer,
        status=_status_of(job.status),
        reason=_reason_of(job.reason),
        message=job.message,
        backend=spec.backend,
        result_types=_known_result_types(spec.result_types),
        circuit_format=wire.FORMATS_BY_NUMBER.get(spec.circuit_format),
        shots=spec.shots,
        seed=spec.seed if spec.HasField("seed") else None,
        priority=spec.priority,
        request_id=spec.request_id,
        options=MessageToDict(spec.options),
        metadata=MessageToDict(spec.metadata),
        attempt=job.attempt,
        submitted_at=_moment_of(job, "submitted_at"),
        started_at=_moment_of(job, "started_at"),
        finished_at=_moment_of(job, "finished_at"),
        owner=job.owner,
        event_sequence=job.event_sequence,
    )


def _status_of(number: int) -> JobStatus:
    """Read a state. Raises QServerError for one that only a newer server knows: what to do then can't be guessed."""
    if number not in wire.STATUSES_BY_NUMBER:
        raise QServerError(f"the server names the state {number} of a job, which this client doesn't know: update it")
    return wire.STATUSES_BY_NUMBER[number]


def job_update(event: jobs_pb2.WatchJobResponse) -> JobUpdate:
    """Read an event."""
    return JobUpdate(
        sequence=event.sequence,
        status=_status_of(event.status),
        reason=_reason_of(event.reason),
        message=event.message,
        at=_moment_of(event, "at"),
        actor=event.actor,
        address=event.address,
    )


def backend_info(backend: jobs_pb2.Backend) -> BackendInfo:
    """Read a backend; result types and formats that only a newer client knows are left out."""
    return BackendInfo(
        name=backend.name,
        plugin=backend.plugin,
        description=backend.description,
        result_types=_known_result_types(backend.result_types),
        circuit_formats=tuple(
            wire.FORMATS_BY_NUMBER[number] for number in backend.circuit_formats if number in wire.FORMATS_BY_NUMBER
        ),
        options_schema=MessageToDict(backend.options_schema),
        max_qubits=backend.max_qubits if backend.HasField("max_qubits") else None,
        devices=tuple(backend.devices),
        qpy_versions=tuple(backend.qpy_versions),
    )


def _known_result_types(numbers: Iterable[int]) -> tuple[ResultType, ...]:
    return tuple(wire.RESULT_TYPES_BY_NUMBER[number] for number in numbers if number in wire.RESULT_TYPES_BY_NUMBER)


def _moment_of(message: "Message", name: str) -> datetime | None:
    """Give a message's time, aware and in UTC; None where it has none."""
    if not message.HasField(name):
        return None
    timestamp: Timestamp = getattr(message, name)
    return timestamp.ToDatetime(tzinfo=UTC)


def _reason_of(text: str) -> Reason | str | None:
    """Give a reason; the bare word where a newer server knows one more, None where there is none."""
    try:
        return Reason(text) if text else None
    except ValueError:
        return text
