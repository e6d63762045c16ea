"""The client of jobs_server, against a gRPC server that answers as told."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from grpc import aio

from qserver.access.visitor import Visitor
from qserver.errors import (
    AlreadyExists,
    Conflict,
    InvalidCircuit,
    InvalidRequest,
    Overloaded,
    PermissionDenied,
    QServerError,
    QuotaExceeded,
    ReachedLimit,
    Reason,
    TooLarge,
    Unavailable,
    UnknownBackend,
)
from qserver.jobs import JobStatus
from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from rest_api.jobs_client import CHUNK_BYTES, JobsClient
from rest_api.submission import Submission
from tests.servers.ports import free_port

Trailers = tuple[tuple[str, str], ...]
VISITOR = Visitor(credential="qserver_of-ada", address="192.0.2.7", is_encrypted=True)
SUBMITTED_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass
class FakeJobService(jobs_pb2_grpc.JobServiceServicer):
    """Takes every job, or refuses as told."""

    code: grpc.StatusCode | None = None
    message: str = ""
    trailers: Trailers = ()
    requests: list[jobs_pb2.SubmitJobRequest] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)

    async def SubmitJob(  # noqa: N802 - gRPC's name
        self,
        request_iterator: AsyncIterator[jobs_pb2.SubmitJobRequest],
        context: aio.ServicerContext[jobs_pb2.SubmitJobRequest, jobs_pb2.SubmitJobResponse],
    ) -> jobs_pb2.SubmitJobResponse:
        """Take a job."""
        self.requests = [request async for request in request_iterator]
        self.metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        if self.code is not None:
            await context.abort(self.code, self.message, self.trailers)
        job = jobs_pb2.Job(id=str(uuid4()), pointer=7, status=jobs_pb2.JOB_STATUS_PENDING)
        job.submitted_at.FromDatetime(SUBMITTED_AT)
        return jobs_pb2.SubmitJobResponse(job=job)


class FakeOriginalService(original_pb2_grpc.JobsServicer):
    """Is healthy."""

    async def HealthCheck(  # noqa: N802 - gRPC's name
        self,
        request: original_pb2.HealthCheckInput,
        context: aio.ServicerContext[original_pb2.HealthCheckInput, original_pb2.Health],
    ) -> original_pb2.Health:
        """Answer."""
        del request, context
        return original_pb2.Health(status="OK")


@pytest.fixture
def service() -> FakeJobService:
    """What answers."""
    return FakeJobService()  # type: ignore[abstract]  # the RPCs that the client doesn't call


@pytest.fixture
async def client(service: FakeJobService) -> AsyncIterator[JobsClient]:
    """A client of it."""
    server = aio.server()
    jobs_pb2_grpc.add_JobServiceServicer_to_server(service, server)
    original_pb2_grpc.add_JobsServicer_to_server(FakeOriginalService(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    connected = JobsClient(f"127.0.0.1:{port}")
    yield connected
    await connected.close()
    await server.stop(grace=None)


def _submission(**members: object) -> Submission:
    return Submission.model_validate(
        {"backend": "aer", "circuit": "OPENQASM 2.0;", "result_types": ["counts"], **members}
    )


async def test_an_accepted_job_comes_back_as_a_value(client: JobsClient) -> None:
    job = await client.submit(_submission(), VISITOR)

    assert (job.pointer, job.status, job.submitted_at) == (7, JobStatus.PENDING, SUBMITTED_AT)


async def test_a_large_noise_model_goes_as_text(client: JobsClient, service: FakeJobService) -> None:
    model = {"errors": [{"type": "roerror", "probabilities": [[0.5, 0.5], [0, 1]]}] * 100}

    await client.submit(_submission(options={"noise_model": model, "device": "CPU"}), VISITOR)

    spec = service.requests[0].spec
    assert MessageToDict(spec.options) == {"device": "CPU"}
    assert json.loads(spec.noise_model) == model


async def test_the_spec_says_everything_and_goes_first(client: JobsClient, service: FakeJobService) -> None:
    members = {
        "circuit_format": "openqasm2",
        "result_types": ["expval", "memory"],
        "shots": 5,
        "seed": 2**63 - 1,
        "precision": 0.5,
        "observables": [[["ZZ", 1], ["XI", -0.25]]],
        "options": {"device": "CPU", "list": [1, None, True, {"a": 2.5}]},
        "metadata": {"text": "ü"},
        "priority": -3,
        "time_limit_seconds": 2.5,
        "expires_at": "2030-01-31T12:00:00+01:00",
        "request_id": "once",
        "cache": True,
    }

    await client.submit(_submission(**members), VISITOR)

    spec, chunk = service.requests
    assert chunk.chunk == b"OPENQASM 2.0;"
    assert MessageToDict(spec.spec, preserving_proto_field_name=True) == {
        "backend": "aer",
        "result_types": ["RESULT_TYPE_EXPVAL", "RESULT_TYPE_MEMORY"],
        "circuit_format": "CIRCUIT_FORMAT_OPENQASM2",
        "shots": "5",
        "seed": str(2**63 - 1),
        "precision": 0.5,
        "observables": [{"terms": [{"pauli": "ZZ", "coefficient": 1.0}, {"pauli": "XI", "coefficient": -0.25}]}],
        "options": {"device": "CPU", "list": [1.0, None, True, {"a": 2.5}]},
        "metadata": {"text": "ü"},
        "priority": -3,
        "time_limit_seconds": 2.5,
        "expires_at": "2030-01-31T11:00:00Z",
        "request_id": "once",
        "cache": True,
    }


async def test_a_job_goes_on_in_the_name_of_who_sent_it(client: JobsClient, service: FakeJobService) -> None:
    await client.submit(_submission(), VISITOR)

    told = {name: service.metadata[name] for name in ("authorization", "x-real-ip", "x-forwarded-proto")}
    assert told == {
        "authorization": "Bearer qserver_of-ada",
        "x-real-ip": "192.0.2.7",
        "x-forwarded-proto": "https",
    }


async def test_without_a_key_none_is_sent_on(client: JobsClient, service: FakeJobService) -> None:
    await client.submit(_submission(), Visitor(address="192.0.2.7"))

    assert "authorization" not in service.metadata
    assert service.metadata["x-forwarded-proto"] == "http"


async def test_what_is_absent_stays_absent(client: JobsClient, service: FakeJobService) -> None:
    await client.submit(_submission(), VISITOR)

    spec = service.requests[0].spec
    assert not spec.HasField("seed")
    assert not spec.HasField("precision")
    assert not spec.HasField("time_limit_seconds")
    assert not spec.HasField("expires_at")
    assert spec.circuit_format == jobs_pb2.CIRCUIT_FORMAT_UNSPECIFIED


async def test_a_large_circuit_goes_in_pieces_and_arrives_whole(client: JobsClient, service: FakeJobService) -> None:
    circuit = "x" * (CHUNK_BYTES * 2 + 1)

    await client.submit(_submission(circuit=circuit), VISITOR)

    assert [len(request.chunk) for request in service.requests[1:]] == [CHUNK_BYTES, CHUNK_BYTES, 1]
    assert b"".join(request.chunk for request in service.requests[1:]).decode() == circuit


@pytest.mark.parametrize("nesting", [1, 15, 30])
async def test_the_deepest_metadata_that_is_allowed_arrives(
    client: JobsClient, service: FakeJobService, nesting: int
) -> None:
    metadata: dict[str, object] = {"end": 1}
    for _ in range(nesting - 1):
        metadata = {"a": metadata}

    await client.submit(_submission(metadata=metadata), VISITOR)

    assert MessageToDict(service.requests[0].spec.metadata) == metadata


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_OPTION", InvalidRequest),
        (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LARGE", TooLarge),
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CIRCUIT", InvalidCircuit),
        (grpc.StatusCode.NOT_FOUND, "UNKNOWN_BACKEND", UnknownBackend),
        (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS", AlreadyExists),
        (grpc.StatusCode.FAILED_PRECONDITION, "CONFLICT", Conflict),
        (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED", PermissionDenied),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", QuotaExceeded),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", Overloaded),
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", Unavailable),
        (grpc.StatusCode.INTERNAL, "INTERNAL", QServerError),
        (grpc.StatusCode.INVALID_ARGUMENT, "FROM_THE_FUTURE", InvalidRequest),
        (grpc.StatusCode.UNKNOWN, None, QServerError),
    ],
)
async def test_a_refusal_keeps_its_class_and_its_sentence(
    client: JobsClient, service: FakeJobService, code: grpc.StatusCode, reason: str | None, kind: type[QServerError]
) -> None:
    service.code, service.message = code, "the sentence"
    service.trailers = () if reason is None else (("qserver-reason", reason),)

    with pytest.raises(QServerError, match="the sentence") as refused:
        await client.submit(_submission(), VISITOR)

    assert type(refused.value) is kind
    if reason in {str(known) for known in Reason}:
        assert refused.value.reason == reason


async def test_a_limit_that_is_reached_keeps_its_name_and_value(client: JobsClient, service: FakeJobService) -> None:
    service.code, service.message = grpc.StatusCode.RESOURCE_EXHAUSTED, "too many"
    service.trailers = (
        ("qserver-reason", "QUOTA_EXCEEDED"),
        ("qserver-limit", "max_job_seconds_per_day_per_user"),
        ("qserver-limit-value", "0.5"),
        ("qserver-retry-after-seconds", "7"),
    )

    with pytest.raises(QuotaExceeded) as refused:
        await client.submit(_submission(), VISITOR)

    assert refused.value.limit == ReachedLimit("max_job_seconds_per_day_per_user", 0.5, 7)


async def test_a_circuit_error_keeps_its_place(client: JobsClient, service: FakeJobService) -> None:
    service.code, service.message = grpc.StatusCode.INVALID_ARGUMENT, "no gate hh"
    service.trailers = (("qserver-reason", "INVALID_CIRCUIT"), ("qserver-line", "3"), ("qserver-column", "7"))

    with pytest.raises(InvalidCircuit) as refused:
        await client.submit(_submission(), VISITOR)

    assert (refused.value.line, refused.value.column) == (3, 7)


async def test_a_server_that_is_there_answers_a_ping(client: JobsClient) -> None:
    await client.ping()


async def test_a_server_that_is_away_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    client = JobsClient(address)

    with pytest.raises(Unavailable, match=address):
        await client.submit(_submission(), VISITOR)
    with pytest.raises(Unavailable, match=address):
        await client.ping()

    await client.close()
