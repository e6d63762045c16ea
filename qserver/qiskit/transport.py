"""How this package speaks to a server: the few calls it makes, over gRPC."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import grpc

from qserver.errors import Conflict, InvalidRequest, QServerError, Unavailable
from qserver.qiskit.faults import job_fault, raised, refusal
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
MOST_AWAITED: Final = 10_000
"""Jobs that one call may wait for."""
BATCH_JOBS: Final = 500
BATCH_BYTES: Final = 4 * 2**20
"""Circuits that are submitted in one call."""
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

    def cancel_all(self, job_ids: Sequence[str]) -> int:
        """Stop those of the jobs that are not over; tell how many were stopped."""
        stopped = 0
        for job_id in job_ids:
            with suppress(Conflict):  # it is over already
                self.cancel(job_id)
                stopped += 1
        return stopped

    def submit_jobs(self, submissions: Sequence[jobs_pb2.JobSubmission]) -> Sequence[str]:
        """Submit jobs of one circuit each, in few calls; give their ids. If one is refused, none goes on.

        Raises what the server refuses the first one for, naming its place.
        """
        accepted: list[str] = []
        try:
            for batch in _batches(submissions):
                for answer in self._submit_batch(batch):
                    accepted.append(_accepted(answer, place=len(accepted), of=len(submissions)))
        except QServerError:
            self.cancel_all(accepted)
            raise
        return accepted

    def result(self, job_id: str, *, timeout_seconds: float | None = None) -> Sequence[jobs_pb2.PubResult]:
        """Wait for a job's results, one a PUB. Raises as `results` does."""
        return self.results([job_id], timeout_seconds=timeout_seconds)[0]

    def results(
        self, job_ids: Sequence[str], *, timeout_seconds: float | None = None
    ) -> Sequence[Sequence[jobs_pb2.PubResult]]:
        """Wait for the results of jobs, in order, each one a PUB. A server that goes away meanwhile is asked again.

        Raises ExecutionError where a job failed or was canceled, NotFound where there is none, TimeoutError.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        found: dict[str, Sequence[jobs_pb2.PubResult]] = {}
        while missing := [job_id for job_id in job_ids if job_id not in found]:
            left = WAITING_SECONDS if deadline is None else min(WAITING_SECONDS, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError(f"job {missing[0]} was not over after {timeout_seconds:g} s; it goes on")
            try:
                self._await(missing[:MOST_AWAITED], found, left)
            except Unavailable:
                time.sleep(min(PAUSE_SECONDS, left))
        return [found[job_id] for job_id in job_ids]

    def backends(self) -> Sequence[jobs_pb2.Backend]:
        """List what circuits can be sent to."""
        with raised(self.url):
            request = jobs_pb2.ListBackendsRequest()
            return self._jobs.ListBackends(request, timeout=CALL_SECONDS, metadata=self._metadata).backends

    def close(self) -> None:
        """Hang up. Jobs go on."""
        self._channel.close()

    def _await(
        self, job_ids: Sequence[str], found: dict[str, Sequence[jobs_pb2.PubResult]], timeout_seconds: float
    ) -> None:
        """Wait once, and put what comes into `found`; return where the time was up first."""
        request = jobs_pb2.GetResultsRequest(ids=job_ids, wait=True)
        with raised(self.url):
            try:
                for message in self._jobs.GetResults(request, timeout=timeout_seconds, metadata=self._metadata):
                    found.update((answer.id, _read(answer)) for answer in message.results)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise

    def _submit_batch(self, batch: Sequence[jobs_pb2.JobSubmission]) -> Sequence[jobs_pb2.SubmissionAnswer]:
        with raised(self.url):
            request = jobs_pb2.SubmitJobsRequest(submissions=batch)
            return self._jobs.SubmitJobs(request, timeout=CALL_SECONDS, metadata=self._metadata).answers


def _accepted(answer: jobs_pb2.SubmissionAnswer, *, place: int, of: int) -> str:
    if answer.WhichOneof("answer") == "job":
        return answer.job.id
    raise refusal(answer.error, about=f"circuit {place}: " if of > 1 else "")


def _batches(submissions: Sequence[jobs_pb2.JobSubmission]) -> Iterator[Sequence[jobs_pb2.JobSubmission]]:
    batch: list[jobs_pb2.JobSubmission] = []
    size_bytes = 0
    for submission in submissions:
        if batch and (len(batch) == BATCH_JOBS or size_bytes + submission.ByteSize() > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(submission)
        size_bytes += submission.ByteSize()
    if batch:
        yield batch


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
