"""The four doors that a job can come in by, as functions of the same submission."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import grpc
import httpx
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import Deployment

TIMEOUT_SECONDS = 60
"""Longer than the slowest refusal: an inspector's 10 s and the start of its replacement."""

CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Attempt:
    """A submission in nobody's dialect."""

    source: bytes
    backend: str = "aer"
    result_types: tuple[str, ...] = ("counts",)
    shots: int = 100
    observables: tuple[tuple[tuple[str, float], ...], ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door said: a job's id, or the status and sentence of a refusal."""

    job_id: str | None
    status: str = ""
    sentence: str = ""


def _refusal(error: grpc.RpcError) -> Answer:
    call = cast("grpc.Call", error)  # what a stub raises is both
    return Answer(None, call.code().name, call.details() or "")


def _struct(values: Mapping[str, object]) -> Struct:
    made: Struct = ParseDict(dict(values), Struct())
    return made


def _spec(attempt: Attempt) -> jobs_pb2.JobSpec:
    return jobs_pb2.JobSpec(
        backend=attempt.backend,
        result_types=[jobs_pb2.ResultType.Value(f"RESULT_TYPE_{name.upper()}") for name in attempt.result_types],
        shots=attempt.shots,
        observables=[
            jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli=pauli, coefficient=value) for pauli, value in terms])
            for terms in attempt.observables
        ],
        options=_struct(attempt.options),
        metadata=_struct(attempt.metadata),
        request_id=attempt.request_id,
    )


def _pieces(source: bytes) -> Iterator[bytes]:
    return (source[start : start + CHUNK_BYTES] for start in range(0, len(source), CHUNK_BYTES))


def through_submit_job(deployment: Deployment, attempt: Attempt) -> Answer:
    """Stream it to `qserver.v1.JobService/SubmitJob`."""
    spec = _spec(attempt)  # before the call: a million terms take their time

    def messages() -> Iterator[jobs_pb2.SubmitJobRequest]:
        yield jobs_pb2.SubmitJobRequest(spec=spec)
        yield from (jobs_pb2.SubmitJobRequest(chunk=piece) for piece in _pieces(attempt.source))

    with grpc.insecure_channel(deployment.grpc_address) as channel:
        try:
            answer = jobs_pb2_grpc.JobServiceStub(channel).SubmitJob(messages(), timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return _refusal(error)
    return Answer(answer.job.id)


def through_submit_jobs(deployment: Deployment, attempt: Attempt) -> Answer:
    """Send it as one of many to `qserver.v1.JobService/SubmitJobs`."""
    submission = jobs_pb2.JobSubmission(spec=_spec(attempt), source=attempt.source)
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        answer = (
            jobs_pb2_grpc.JobServiceStub(channel)
            .SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=[submission]), timeout=TIMEOUT_SECONDS)
            .answers[0]
        )
    if answer.HasField("job"):
        return Answer(answer.job.id)
    names = {code.value[0]: code.name for code in grpc.StatusCode}
    return Answer(None, names[answer.error.code], answer.error.message)


def through_original(deployment: Deployment, attempt: Attempt) -> Answer:
    """Stream it to the original's `Jobs/AddJob`."""
    metadata: dict[str, object] = {**attempt.metadata, "shots": attempt.shots}
    if attempt.observables:
        metadata["obs"] = attempt.observables

    def messages() -> Iterator[original_pb2.JobData]:
        yield original_pb2.JobData(
            properties=original_pb2.JobProperties(
                resultTypeCounts="counts" in attempt.result_types,
                resultTypeQuasiDist="quasi_dist" in attempt.result_types,
                resultTypeExpVal="expval" in attempt.result_types,
                targetSimulator=attempt.backend,
                metadata=json.dumps(metadata),
            )
        )
        yield from (original_pb2.JobData(qasmChunk=piece.decode()) for piece in _pieces(attempt.source))

    with grpc.insecure_channel(deployment.grpc_address) as channel:
        try:
            answer = original_pb2_grpc.JobsStub(channel).AddJob(messages(), timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return _refusal(error)
    return Answer(answer.id)


def through_http(deployment: Deployment, attempt: Attempt) -> Answer:
    """Post it as JSON."""
    body = {
        "backend": attempt.backend,
        "circuit_base64": base64.b64encode(attempt.source).decode(),
        "result_types": attempt.result_types,
        "shots": attempt.shots,
        "observables": attempt.observables,
        "options": attempt.options,
        "metadata": attempt.metadata,
        **({"request_id": attempt.request_id} if attempt.request_id else {}),
    }
    answer = httpx.post(f"{deployment.http_url}/api/v1/jobs", json=body, timeout=TIMEOUT_SECONDS)
    if answer.status_code == httpx.codes.CREATED:
        return Answer(answer.json()["id"])
    return Answer(None, str(answer.status_code), answer.json()["msg"])


Door = Callable[[Deployment, Attempt], Answer]
DOORS: Mapping[str, Door] = {
    "SubmitJob": through_submit_job,
    "SubmitJobs": through_submit_jobs,
    "AddJob": through_original,
    "POST /jobs": through_http,
}
