"""How this package speaks to a server: the few calls it makes, over gRPC."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

import grpc

from qserver.errors import InvalidRequest, Unavailable
from qserver.qiskit.faults import job_fault, raised
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

URL_VARIABLE: Final = "QSERVER_URL"
API_KEY_VARIABLE: Final = "QSERVER_API_KEY"
DEFAULT_URL: Final = "http://127.0.0.1:50051"
HTTPS_PORT: Final = 443
GRPC_PORT: Final = 50051

CALL_SECONDS: Final = 60.0
"""A call that answers at once."""
WAITING_SECONDS: Final = 300.0
"""A call that waits is made anew after so long: proxies close what is silent for longer."""
PAUSE_SECONDS: Final = 1.0
"""Between two tries to reach a server that has gone away."""

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class Transport:
    """A connection to one server, opened at the first call. Safe to share between threads."""

    def __init__(
        self, url: str | None = None, *, api_key: str | None = None, root_certificates: bytes | None = None
    ) -> None:
        """Speak to `url` (or QSERVER_URL) with a key (or QSERVER_API_KEY), if the server asks for one.

        `https` is TLS, by `root_certificates` (PEM) or the system's; `http` is for a server on a network that is
        trusted. Raises InvalidRequest for any other URL.
        """
        self.url = url or os.environ.get(URL_VARIABLE, DEFAULT_URL)
        key = api_key or os.environ.get(API_KEY_VARIABLE)
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()
        self._channel = _channel(self.url, root_certificates)
        self._jobs = jobs_pb2_grpc.JobServiceStub(self._channel)

    def submit_pubs(self, spec: jobs_pb2.JobSpec, pubs: Iterable[jobs_pb2.Pub]) -> jobs_pb2.Job:
        """Submit one job of PUBs. Raises what the server refuses it for."""
        with raised(self.url):
            messages = _messages(spec, pubs)
            return self._jobs.SubmitPubs(messages, timeout=CALL_SECONDS, metadata=self._metadata).job

    def job(self, job_id: str) -> jobs_pb2.Job:
        """Give a job as it stands. Raises NotFound."""
        with raised(self.url):
            request = jobs_pb2.GetJobRequest(id=job_id)
            return self._jobs.GetJob(request, timeout=CALL_SECONDS, metadata=self._metadata).job

    def cancel(self, job_id: str) -> jobs_pb2.Job:
        """Stop a job. Raises Conflict where it is over."""
        with raised(self.url):
            request = jobs_pb2.CancelJobRequest(id=job_id)
            return self._jobs.CancelJob(request, timeout=CALL_SECONDS, metadata=self._metadata).job

    def result(self, job_id: str, *, timeout_seconds: float | None = None) -> Sequence[jobs_pb2.PubResult]:
        """Wait for a job's results, one a PUB. A server that goes away meanwhile is asked again.

        Raises ExecutionError where the job failed or was canceled, NotFound where there is none, TimeoutError.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            left = _seconds_left(deadline)
            if left is not None and left <= 0:
                raise TimeoutError(f"job {job_id} was not over after {timeout_seconds:g} s; it goes on")
            try:
                found = self._await(job_id, WAITING_SECONDS if left is None else min(left, WAITING_SECONDS))
            except Unavailable:
                time.sleep(min(PAUSE_SECONDS, PAUSE_SECONDS if left is None else left))
                continue
            if found is not None:
                return found

    def backends(self) -> Sequence[jobs_pb2.Backend]:
        """List what circuits can be sent to."""
        with raised(self.url):
            request = jobs_pb2.ListBackendsRequest()
            return self._jobs.ListBackends(request, timeout=CALL_SECONDS, metadata=self._metadata).backends

    def close(self) -> None:
        """Hang up. Jobs go on."""
        self._channel.close()

    def _await(self, job_id: str, timeout_seconds: float) -> Sequence[jobs_pb2.PubResult] | None:
        """Wait once; None where the time was up first."""
        request = jobs_pb2.GetResultsRequest(ids=[job_id], wait=True)
        with raised(self.url):
            try:
                for message in self._jobs.GetResults(request, timeout=timeout_seconds, metadata=self._metadata):
                    (answer,) = message.results
                    return _read(answer)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise
        return None


def _read(answer: jobs_pb2.JobResult) -> Sequence[jobs_pb2.PubResult]:
    if answer.WhichOneof("answer") == "error":
        raise job_fault(answer.error)
    return answer.result.pub_results


def _messages(spec: jobs_pb2.JobSpec, pubs: Iterable[jobs_pb2.Pub]) -> Iterator[jobs_pb2.SubmitPubsRequest]:
    yield jobs_pb2.SubmitPubsRequest(spec=spec)
    for pub in pubs:
        yield jobs_pb2.SubmitPubsRequest(pub=pub)


def _channel(url: str, root_certificates: bytes | None) -> grpc.Channel:
    parts = urlsplit(url)
    match parts.scheme, parts.hostname:
        case "https", str() as host:
            credentials = grpc.ssl_channel_credentials(root_certificates)
            return grpc.secure_channel(f"{host}:{parts.port or HTTPS_PORT}", credentials, options=_OPTIONS)
        case "http", str() as host:
            return grpc.insecure_channel(f"{host}:{parts.port or GRPC_PORT}", options=_OPTIONS)
        case _:
            raise InvalidRequest(f"{url!r} is no address of a server; it looks like https://box or {DEFAULT_URL}")


def _seconds_left(deadline: float | None) -> float | None:
    return None if deadline is None else deadline - time.monotonic()
