"""Submissions go on to jobs_server over gRPC, so that there is one way in, whatever door a job came by."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC
from uuid import UUID

import grpc
from google.protobuf.struct_pb2 import Struct
from grpc import aio

from qserver import wire
from qserver.access.visitor import Visitor
from qserver.errors import InvalidRequest, QServerError, Unavailable
from qserver.noise_models import MAX_INLINE_BYTES, OPTION
from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original.jobs_pb2_grpc import JobsStub
from qserver.rpc.v1 import jobs_pb2
from qserver.rpc.v1.jobs_pb2_grpc import JobServiceStub
from qserver.trailers import REASON, error_of_trailers
from rest_api.submission import AcceptedJob, Submission

CHUNK_BYTES = 256 * 1024
SUBMIT_SECONDS = 60.0  # covers an upload of the largest circuit and its inspection
PING_SECONDS = 2.0

# A lost connection is tried again within seconds, not after gRPC's two minutes: the neighbour restarts.
_CHANNEL_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 2000))

_UNANSWERED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})


class JobsClient:
    """One shared channel to jobs_server. Made inside the event loop that uses it."""

    def __init__(self, address: str) -> None:
        """Prepare a channel to `address` (host:port); it connects when first used."""
        self._address = address
        self._channel = aio.insecure_channel(address, options=_CHANNEL_OPTIONS)

    async def submit(self, submission: Submission, visitor: Visitor) -> AcceptedJob:
        """Send a job on in the name of who sent it: with their key, and the address that it came from.

        Raises what jobs_server raised, or Unavailable where it doesn't answer.
        """
        stub = JobServiceStub(self._channel)
        # Made before the call, which would turn what goes wrong in here into its own cancellation.
        # In a thread, as a large submission takes a second: others are answered meanwhile.
        spec, source = await asyncio.to_thread(lambda: (_spec(submission), submission.source()))
        upload = _upload(spec, source)
        try:
            answer = await stub.SubmitJob(upload, timeout=SUBMIT_SECONDS, metadata=_metadata(visitor))
        except aio.AioRpcError as error:
            raise self._error(error) from error
        return _accepted(answer.job)

    async def ping(self) -> None:
        """Raise Unavailable unless jobs_server answers."""
        try:
            await JobsStub(self._channel).HealthCheck(original_pb2.HealthCheckInput(), timeout=PING_SECONDS)
        except aio.AioRpcError as error:
            raise self._error(error) from error

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    def _error(self, error: aio.AioRpcError) -> QServerError:
        trailers = {key: str(value) for key, value in error.trailing_metadata() or ()}
        message = error.details() or error.code().name
        told = error_of_trailers(trailers, message)
        if told is not None:
            return told
        if REASON not in trailers and error.code() in _UNANSWERED:
            return Unavailable(f"jobs_server at {self._address} doesn't answer")
        if error.code() is grpc.StatusCode.INVALID_ARGUMENT:  # for a reason that only a newer jobs_server knows
            return InvalidRequest(message)
        return QServerError(message)


def _metadata(visitor: Visitor) -> tuple[tuple[str, str], ...]:
    scheme = "https" if visitor.is_encrypted else "http"
    told = (("x-real-ip", visitor.address), ("x-forwarded-proto", scheme))
    return (*told, ("authorization", f"Bearer {visitor.credential}")) if visitor.credential else told


async def _upload(spec: jobs_pb2.JobSpec, source: bytes) -> AsyncIterator[jobs_pb2.SubmitJobRequest]:
    yield jobs_pb2.SubmitJobRequest(spec=spec)
    for start in range(0, len(source), CHUNK_BYTES):
        yield jobs_pb2.SubmitJobRequest(chunk=source[start : start + CHUNK_BYTES])


def _spec(submission: Submission) -> jobs_pb2.JobSpec:
    circuit_format = submission.circuit_format
    options, noise_model = _apart(submission.options)
    spec = jobs_pb2.JobSpec(
        backend=submission.backend,
        result_types=[wire.RESULT_TYPES[result_type] for result_type in submission.result_types],
        circuit_format=jobs_pb2.CIRCUIT_FORMAT_UNSPECIFIED if circuit_format is None else wire.FORMATS[circuit_format],
        shots=submission.shots,
        seed=submission.seed,
        precision=submission.precision,
        observables=[_observable(terms) for terms in submission.observables],
        options=_struct(options),
        noise_model=noise_model,
        metadata=_struct(submission.metadata),
        priority=submission.priority,
        time_limit_seconds=submission.time_limit_seconds,
        request_id=submission.request_id or "",
        cache=submission.cache,
    )
    if submission.expires_at is not None:
        spec.expires_at.FromDatetime(submission.expires_at)
    return spec


def _observable(terms: list[tuple[str, float]]) -> jobs_pb2.Observable:
    return jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli=pauli, coefficient=value) for pauli, value in terms])


def _apart(options: Mapping[str, object]) -> tuple[Mapping[str, object], bytes]:
    """Take a large noise model out as JSON text: as a Struct it takes ten times as long to write and to read."""
    model = options.get(OPTION)
    text = json.dumps(model).encode() if isinstance(model, Mapping) else b""
    if len(text) <= MAX_INLINE_BYTES:
        return options, b""
    return {name: value for name, value in options.items() if name != OPTION}, text


def _struct(members: Mapping[str, object]) -> Struct:
    struct = Struct()
    struct.update(members)  # type: ignore[arg-type]  # any JSON
    return struct


def _accepted(job: jobs_pb2.Job) -> AcceptedJob:
    return AcceptedJob(
        id=UUID(job.id),
        pointer=job.pointer,
        status=wire.STATUSES_BY_NUMBER[job.status],
        submitted_at=job.submitted_at.ToDatetime(tzinfo=UTC),
    )
