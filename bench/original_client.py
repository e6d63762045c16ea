"""A client of the original service's contract: jobs by AddJob, one a call, results by HTTP."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection

import grpc

from bench.tasks import Outcome, Task
from qserver.rpc.original import jobs_pb2, jobs_pb2_grpc

_HOST = "127.0.0.1"
_POLL_SECONDS = 0.02
_TIMEOUT_SECONDS = 300


class OriginalClient:
    """One program with connections of its own."""

    def __init__(self, *, grpc_port: int, http_port: int) -> None:
        """Connect for gRPC when first used; for HTTP anew in each run, as servers close connections that idle."""
        options = [("grpc.use_local_subchannel_pool", 1)]  # else all channels to one address share a connection
        self._channel = grpc.insecure_channel(f"{_HOST}:{grpc_port}", options)
        self._jobs = jobs_pb2_grpc.JobsStub(self._channel)
        self._http_port = http_port

    def close(self) -> None:
        """Disconnect."""
        self._channel.close()

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Add all jobs, one a call, and then read the result of each."""
        job_ids = [self._jobs.AddJob(_messages(task), timeout=_TIMEOUT_SECONDS).id for task in tasks]
        with closing(HTTPConnection(_HOST, self._http_port, timeout=_TIMEOUT_SECONDS)) as http:
            return [_read(http, job_id) for job_id in job_ids]


def _read(http: HTTPConnection, job_id: str) -> Outcome:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while (outcome := _ask(http, job_id)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"job {job_id} has no result after {_TIMEOUT_SECONDS} s")
        time.sleep(_POLL_SECONDS)
    return outcome


def _ask(http: HTTPConnection, job_id: str) -> Outcome | None:
    """Give the outcome, or None where the job has no result yet. Raises RuntimeError for any other answer."""
    http.request("GET", f"/api/v1/job/result/{job_id}")
    response = http.getresponse()
    body = response.read()
    if response.status == HTTPStatus.NOT_FOUND:
        return None
    if response.status != HTTPStatus.OK:
        raise RuntimeError(f"the result of job {job_id} was answered with {response.status}: {body!r}")
    document = json.loads(body)
    return Outcome(document["counts"], document["quasi_dist"] or {}, document["expval"] or ())


def _messages(task: Task) -> Iterator[jobs_pb2.JobData]:
    metadata = json.dumps({"shots": task.shots})
    properties = jobs_pb2.JobProperties(resultTypeCounts=True, targetSimulator="aer", metadata=metadata)
    yield jobs_pb2.JobData(properties=properties)
    yield jobs_pb2.JobData(qasmChunk=task.source)
