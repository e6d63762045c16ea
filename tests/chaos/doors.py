"""The ways by which clients of the chaos send orders. Each may lose the answer of what was stored."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

import grpc
import httpx
from google.protobuf.json_format import MessageToDict

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.chaos.orders import SHOTS, Order
from tests.chaos.site import Site

CALL_SECONDS = 15.0
_CHUNK_BYTES = 4096
_MAY_BE_TRIED_AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
    }
)
_TRY_AGAIN_CODES = frozenset(code.value[0] for code in _MAY_BE_TRIED_AGAIN)
_CHANNEL_OPTIONS = (("grpc.max_reconnect_backoff_ms", 1000), ("grpc.initial_reconnect_backoff_ms", 100))


class Lost(Exception):  # noqa: N818 - what became of a call
    """Nobody knows whether the orders were stored: send them again."""


class Refused(Exception):  # noqa: N818 - what became of a call
    """The server said that it will never take the order."""


Door = Callable[[Sequence[Order]], Mapping[str, str]]
"""Sends orders; gives the ids of the jobs that were answered, by request_id. Raises Lost and Refused."""


class Doors:
    """All ways into a site, over connections that are kept."""

    def __init__(self, site: Site) -> None:
        """Connect when first used."""
        self._channel = grpc.insecure_channel(site.grpc_address, _CHANNEL_OPTIONS)
        self._jobs = jobs_pb2_grpc.JobServiceStub(self._channel)
        self._http = httpx.Client(base_url=site.http_url, timeout=CALL_SECONDS)

    @property
    def all(self) -> Sequence[Door]:
        """Give every way."""
        return (self.as_batch, self.as_stream, self.as_json)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._channel.close()

    def as_batch(self, orders: Sequence[Order]) -> Mapping[str, str]:
        """Send all in one call. What was refused for now is missing in the answer."""
        submissions = [jobs_pb2.JobSubmission(spec=order.spec(), source=order.source) for order in orders]
        request = jobs_pb2.SubmitJobsRequest(submissions=submissions)
        try:
            answers = self._jobs.SubmitJobs(request, timeout=CALL_SECONDS).answers
        except grpc.RpcError as error:
            raise _judged(error) from error
        told = dict(zip([order.request_id for order in orders], answers, strict=True))
        for answer in told.values():
            if not answer.HasField("job") and answer.error.code not in _TRY_AGAIN_CODES:
                raise Refused(answer.error.message)
        return {request_id: answer.job.id for request_id, answer in told.items() if answer.HasField("job")}

    def as_stream(self, orders: Sequence[Order]) -> Mapping[str, str]:
        """Upload the first of them in pieces."""
        order = orders[0]
        try:
            answer = self._jobs.SubmitJob(_pieces(order), timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            raise _judged(error) from error
        return {order.request_id: answer.job.id}

    def as_json(self, orders: Sequence[Order]) -> Mapping[str, str]:
        """Post the first of them."""
        order = orders[0]
        try:
            answer = self._http.post("/api/v1/jobs", json=_body(order))
        except httpx.TransportError as error:
            raise Lost(str(error)) from error
        if answer.status_code == httpx.codes.CREATED:
            return {order.request_id: answer.json()["id"]}
        if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Lost(answer.text)
        raise Refused(answer.text)

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job, which may be over already. Raises Lost."""
        try:
            self._jobs.CancelJob(jobs_pb2.CancelJobRequest(id=job_id), timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            if cast("grpc.Call", error).code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise _judged(error) from error

    def is_finished(self, job_id: str) -> bool:
        """Tell whether a job has finished. Raises Lost, and Refused where there is no such job."""
        try:
            job = self._jobs.GetJob(jobs_pb2.GetJobRequest(id=job_id), timeout=CALL_SECONDS).job
        except grpc.RpcError as error:
            raise _judged(error) from error
        return bool(job.status == jobs_pb2.JOB_STATUS_FINISHED)


def _judged(error: grpc.RpcError) -> Lost | Refused:
    call = cast("grpc.Call", error)  # what a stub raises is both
    sentence = f"{call.code().name}: {call.details()}"
    return Lost(sentence) if call.code() in _MAY_BE_TRIED_AGAIN else Refused(sentence)


def _pieces(order: Order) -> Iterator[jobs_pb2.SubmitJobRequest]:
    yield jobs_pb2.SubmitJobRequest(spec=order.spec())
    for start in range(0, len(order.source), _CHUNK_BYTES):
        yield jobs_pb2.SubmitJobRequest(chunk=order.source[start : start + _CHUNK_BYTES])


def _body(order: Order) -> Mapping[str, object]:
    spec = MessageToDict(order.spec(), preserving_proto_field_name=True)
    return {
        "backend": spec["backend"],
        "circuit_base64": base64.b64encode(order.source).decode(),
        "result_types": ["counts"],
        "shots": SHOTS,
        "request_id": order.request_id,
        **({"time_limit_seconds": spec["time_limit_seconds"]} if "time_limit_seconds" in spec else {}),
    }
