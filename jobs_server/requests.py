"""From messages of `qserver.v1` to values. Only what the message itself can get wrong is judged here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from jobs_server.json_values import from_struct
from jobs_server.limits import MAX_NAME_LENGTH, check_number_of_observables, check_observable_numbers
from jobs_server.sweep_limits import check_sweep_numbers
from qserver import wire
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidRequest, TooLarge
from qserver.jobs import DEFAULT_SHOTS, JobRequest, JobStatus, Observable, PauliTerm, RunRequest
from qserver.json_types import JsonObject
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings
from qserver.sweeps import Sweep

MAX_JOB_IDS: Final = 10_000
"""How many jobs' results one call may ask for."""

_UUID_CHARACTERS: Final = 36


def job_request(spec: jobs_pb2.JobSpec, options: JsonObject, limits: LimitSettings) -> JobRequest:
    """Read a spec, but for its options (see `sent_noise`). Raises InvalidRequest or TooLarge naming the field."""
    run = RunRequest(
        backend=spec.backend,
        result_types=_result_types(spec.result_types),
        shots=spec.shots if spec.HasField("shots") else DEFAULT_SHOTS,
        seed=spec.seed if spec.HasField("seed") else None,
        precision=spec.precision if spec.HasField("precision") else None,
        observables=_observables(spec.observables, limits),
        options=options,
        metadata=from_struct(spec.metadata, name="metadata", max_bytes=limits.max_metadata_bytes),
    )
    return JobRequest(
        run=run,
        priority=spec.priority,
        time_limit_seconds=spec.time_limit_seconds if spec.HasField("time_limit_seconds") else None,
        expires_at=_moment(spec.expires_at, name="expires_at") if spec.HasField("expires_at") else None,
        request_id=spec.request_id or None,
        circuit_format=_circuit_format(spec),
        cache=spec.cache,
    )


def pub_run(run: RunRequest, pub: jobs_pb2.Pub, limits: LimitSettings) -> RunRequest:
    """Read how a PUB is to be run, of a job that begins with `run`. Raises TooLarge for too much of something."""
    check_sweep_numbers(pub)
    return replace(
        run,
        shots=pub.shots if pub.HasField("shots") else run.shots,
        precision=pub.precision if pub.HasField("precision") else run.precision,
        observables=_observables(pub.observables, limits),
        sweep=Sweep(
            parameters=tuple(pub.parameters),
            shape=tuple(pub.shape),
            values=pub.values,
            observables_shape=tuple(pub.observables_shape),
        ),
    )


def _circuit_format(spec: jobs_pb2.JobSpec) -> CircuitFormat | None:
    """Give the format that the client states; None where it leaves that to us."""
    number = spec.circuit_format
    if number == jobs_pb2.CIRCUIT_FORMAT_UNSPECIFIED:
        return None
    if number not in wire.FORMATS_BY_NUMBER:
        raise InvalidRequest(f"circuit_format {number} is unknown; known: {_names(CircuitFormat)}")
    return wire.FORMATS_BY_NUMBER[number]


def job_statuses(numbers: Sequence[jobs_pb2.JobStatus.ValueType]) -> frozenset[JobStatus]:
    """Read a set of statuses. Raises InvalidRequest for one that doesn't exist."""
    if len(numbers) > len(wire.STATUSES):
        raise InvalidRequest(f"{len(numbers):,} statuses; there are {len(wire.STATUSES)}")
    for number in numbers:
        if number not in wire.STATUSES_BY_NUMBER:
            raise InvalidRequest(f"status {number} is unknown or unspecified; known: {_names(JobStatus)}")
    return frozenset(wire.STATUSES_BY_NUMBER[number] for number in numbers)


def job_id(text: str) -> UUID:
    """Read a job's id. Raises InvalidRequest where it is no UUID in its usual form of 36 characters."""
    try:
        found = UUID(text) if len(text) == _UUID_CHARACTERS else None
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise InvalidRequest(f"job id '{text[:100]}' is no UUID")
    return found


def job_ids(texts: Sequence[str]) -> Sequence[UUID]:
    """Read the ids of jobs, each once. Raises InvalidRequest for none or a malformed one, TooLarge for too many."""
    if not texts:
        raise InvalidRequest("no job ids were sent")
    if len(texts) > MAX_JOB_IDS:
        raise TooLarge(f"{len(texts):,} job ids; the limit is {MAX_JOB_IDS:,} a call")
    return tuple(dict.fromkeys(map(job_id, texts)))


def user_name(text: str) -> str | None:
    """Read a user's name; None where none is named. Raises InvalidRequest for what can be none."""
    if len(text) > MAX_NAME_LENGTH or not text.isprintable():
        raise InvalidRequest(
            f"user {text[:100]!r} can be no user's name: {MAX_NAME_LENGTH} printable characters at most"
        )
    return text or None


def sequence(number: int) -> int:
    """Read the sequence number of an event. Raises InvalidRequest for a negative one."""
    if number < 0:
        raise InvalidRequest(f"after_sequence is {number}; it must be at least 0")
    return number


def check_number_of_result_types(number: int) -> None:
    """Raise InvalidRequest for more than there are, before one is looked at."""
    if number > len(wire.RESULT_TYPES):
        raise InvalidRequest(f"more than {len(wire.RESULT_TYPES)} result types are asked for; there are no more")


def _result_types(numbers: Sequence[jobs_pb2.ResultType.ValueType]) -> frozenset[ResultType]:
    check_number_of_result_types(len(numbers))
    for number in numbers:
        if number not in wire.RESULT_TYPES_BY_NUMBER:
            raise InvalidRequest(f"result type {number} is unknown or unspecified; known: {_names(ResultType)}")
    return frozenset(wire.RESULT_TYPES_BY_NUMBER[number] for number in numbers)


def _observables(sent: Sequence[jobs_pb2.Observable], limits: LimitSettings) -> tuple[Observable, ...]:
    check_number_of_observables(len(sent), limits)
    check_observable_numbers([len(observable.terms) for observable in sent], limits)
    return tuple(map(_observable, sent))


def _observable(observable: jobs_pb2.Observable) -> Observable:
    return Observable(terms=tuple(PauliTerm(term.pauli, term.coefficient) for term in observable.terms))


def _moment(timestamp: Timestamp, *, name: str) -> datetime:
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{name} is no time: {error}") from error


def _names(members: Iterable[Enum]) -> str:
    return ", ".join(member.name for member in members)
