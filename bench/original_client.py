"""A client of the original service's contract: jobs by AddJob, one a call, results by HTTP."""

import json
import time
from collections.abc import Iterator, Sequence
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
        """Connect when first used."""
        options = [("grpc.use_local_subchannel_pool", 1)]  # else all channels to one address share a connection
        self._channel = grpc.insecure_channel(f"{_HOST}:{grpc_port}", options)
        self._jobs = jobs_pb2_grpc.JobsStub(self._channel)
        self._http = HTTPConnection(_HOST, http_port, timeout=_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Disconnect."""
        self._channel.close()
        self._http.close()

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Add all jobs, one a call, and then read the result of each."""
        job_ids = [self._jobs.AddJob(_messages(task), timeout=_TIMEOUT_SECONDS).id for task in tasks]
        return [self._read(job_id) for job_id in job_ids]

    def _read(self, job_id: str) -> Outcome:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while (answer := self._ask(job_id)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} has no result after {_TIMEOUT_SECONDS} s")
            time.sleep(_POLL_SECONDS)
        return answer

    def _ask(self, job_id: str) -> Outcome | None:
        """Give the outcome, or None where the job has no result yet. Raises RuntimeError for any other answer."""
        self._http.request("GET", f"/api/v1/job/result/{job_id}")
        response = self._http.getresponse()
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
