"""QServer's side of a measure: a client that submits, waits and reads every result."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

_SUBMITTERS = 4
_READERS = 8
_POLL_SECONDS = 0.002
_TIMEOUT_SECONDS = 300


class Client:
    """One channel, as a program would keep it."""

    def __init__(self, channel: grpc.Channel) -> None:
        """Speak over `channel`."""
        self._jobs = jobs_pb2_grpc.JobServiceStub(channel)

    @classmethod
    @contextmanager
    def of(cls, address: str) -> Iterator["Client"]:
        """Connect for the time of the block."""
        with grpc.insecure_channel(address) as channel:
            yield cls(channel)

    def run_in_batches(self, sources: Sequence[str], spec: jobs_pb2.JobSpec, *, batch: int) -> int:
        """Submit `batch` circuits a call, and read all results; gives how many there are."""
        starts = range(0, len(sources), batch)
        with ThreadPoolExecutor(_SUBMITTERS) as submitters:
            calls = submitters.map(lambda start: self._submit(sources[start : start + batch], spec), starts)
            job_ids = [job_id for ids in calls for job_id in ids]
        with ThreadPoolExecutor(_READERS) as readers:
            return sum(1 for _ in readers.map(self._read, job_ids))

    def run_one_by_one(self, sources: Sequence[str], spec: jobs_pb2.JobSpec, *, clients: int) -> int:
        """Submit a circuit a call and read its result before the next, from many clients at a time."""
        with ThreadPoolExecutor(clients) as pool:
            return sum(1 for _ in pool.map(lambda source: self.run_one(source, spec), sources))

    def run_one(self, source: str, spec: jobs_pb2.JobSpec) -> jobs_pb2.GetResultResponse:
        """Submit one circuit, follow it to its end, and give its result."""
        parts = iter([jobs_pb2.SubmitJobRequest(spec=spec), jobs_pb2.SubmitJobRequest(chunk=source.encode())])
        job_id = self._jobs.SubmitJob(parts, timeout=_TIMEOUT_SECONDS).job.id
        for _ in self._jobs.WatchJob(jobs_pb2.WatchJobRequest(id=job_id), timeout=_TIMEOUT_SECONDS):
            pass
        return self._jobs.GetResult(jobs_pb2.GetResultRequest(id=job_id), timeout=_TIMEOUT_SECONDS)

    def _submit(self, sources: Sequence[str], spec: jobs_pb2.JobSpec) -> Sequence[str]:
        submissions = [jobs_pb2.JobSubmission(spec=spec, source=source.encode()) for source in sources]
        request = jobs_pb2.SubmitJobsRequest(submissions=submissions)
        answers = self._jobs.SubmitJobs(request, timeout=_TIMEOUT_SECONDS).answers
        return [_job_id(answer) for answer in answers]

    def _read(self, job_id: str) -> jobs_pb2.GetResultResponse:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                return self._jobs.GetResult(jobs_pb2.GetResultRequest(id=job_id), timeout=_TIMEOUT_SECONDS)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)  # not finished yet


def _job_id(answer: jobs_pb2.SubmissionAnswer) -> str:
    if not answer.HasField("job"):
        raise RuntimeError(f"a circuit of the bench was refused: {answer.error.message}")
    return answer.job.id


def counts_spec(shots: int) -> jobs_pb2.JobSpec:
    """Ask for counts on Aer."""
    return jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=shots)
