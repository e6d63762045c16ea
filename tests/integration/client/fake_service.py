"""A server of `qserver.v1` that does what a test tells it: real calls on a real port, about jobs that nobody runs."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import NoReturn

import grpc

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc


class FakeJobService(jobs_pb2_grpc.JobServiceServicer):
    """Keeps jobs by their request_id, as the real one does."""

    def __init__(self) -> None:
        """Know no job yet."""
        self._change = Condition()
        self.job_ids: dict[str, str] = {}  # by request_id
        self.sources: list[bytes] = []  # of each job, in order
        self.keys: list[str] = []  # what callers showed
        self.finished: set[str] = set()
        self.asked: list[Sequence[str]] = []  # ids of each call of GetResults
        self.watched_after: list[int] = []
        self.lists = 0  # calls of WatchJobs
        self.lost_answers = 0  # so many next answers to submissions get lost
        self.canceled: list[str] = []

    def finish(self, *job_ids: str) -> None:
        """Let jobs be over."""
        with self._change:
            self.finished.update(job_ids)
            self._change.notify_all()

    def SubmitJobs(  # noqa: N802 - the contract's name
        self, request: jobs_pb2.SubmitJobsRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.SubmitJobsResponse:
        """Take jobs, each name once."""
        self.keys += [str(value) for key, value in context.invocation_metadata() if key == "authorization"]
        jobs = [self._take(each.spec.request_id, each.source) for each in request.submissions]
        self._perhaps_lose_the_answer(context)
        return jobs_pb2.SubmitJobsResponse(answers=[jobs_pb2.SubmissionAnswer(job=job) for job in jobs])

    def SubmitJob(  # noqa: N802
        self, request_iterator: Iterator[jobs_pb2.SubmitJobRequest], context: grpc.ServicerContext
    ) -> jobs_pb2.SubmitJobResponse:
        """Take one job in pieces."""
        spec, *pieces = request_iterator
        job = self._take(spec.spec.request_id, b"".join(piece.chunk for piece in pieces))
        self._perhaps_lose_the_answer(context)
        return jobs_pb2.SubmitJobResponse(job=job)

    def SubmitPubs(  # noqa: N802
        self, request_iterator: Iterator[jobs_pb2.SubmitPubsRequest], context: grpc.ServicerContext
    ) -> jobs_pb2.SubmitPubsResponse:
        """Take one job of PUBs."""
        spec, *pubs = request_iterator
        job = self._take(spec.spec.request_id, b"".join(each.pub.source for each in pubs))
        self._perhaps_lose_the_answer(context)
        return jobs_pb2.SubmitPubsResponse(job=job)

    def CancelJob(  # noqa: N802
        self, request: jobs_pb2.CancelJobRequest, _: grpc.ServicerContext
    ) -> jobs_pb2.CancelJobResponse:
        """Stop a job."""
        self.canceled.append(request.id)
        return jobs_pb2.CancelJobResponse(job=jobs_pb2.Job(id=request.id, status=jobs_pb2.JOB_STATUS_CANCELED))

    def GetResults(  # noqa: N802
        self, request: jobs_pb2.GetResultsRequest, context: grpc.ServicerContext
    ) -> Iterator[jobs_pb2.GetResultsResponse]:
        """Give a result for each job as soon as it is finished."""
        self.asked.append(list(request.ids))
        left = set(request.ids)
        while left and context.is_active():
            with self._change:
                if left.isdisjoint(self.finished):
                    self._change.wait(timeout=0.2)  # looks again whether the caller is still there
                ready = left & self.finished
            left -= ready
            if ready:
                yield jobs_pb2.GetResultsResponse(results=map(_result, sorted(ready)))

    def WatchJob(  # noqa: N802
        self, request: jobs_pb2.WatchJobRequest, context: grpc.ServicerContext
    ) -> Iterator[jobs_pb2.WatchJobResponse]:
        """Tell that the job waits, runs, and, once it does, that it is finished."""
        self.watched_after.append(request.after_sequence)
        for sequence, status in enumerate((jobs_pb2.JOB_STATUS_PENDING, jobs_pb2.JOB_STATUS_RUNNING), 1):
            if sequence > request.after_sequence:
                yield jobs_pb2.WatchJobResponse(sequence=sequence, status=status)
        while context.is_active():
            with self._change:
                if self._change.wait_for(lambda: request.id in self.finished, timeout=0.2):
                    break
        yield jobs_pb2.WatchJobResponse(sequence=3, status=jobs_pb2.JOB_STATUS_FINISHED)

    def WatchJobs(  # noqa: N802
        self, _: jobs_pb2.WatchJobsRequest, context: grpc.ServicerContext
    ) -> Iterator[jobs_pb2.WatchJobsResponse]:
        """List the jobs as they are, then tell of each that is finished."""
        self.lists += 1
        finished = set(self.finished)
        yield jobs_pb2.WatchJobsResponse(jobs=[self._state(job_id) for job_id in self.job_ids.values()], is_live=True)
        while context.is_active():
            with self._change:
                if self.finished == finished:
                    self._change.wait(timeout=0.2)
                ended, finished = self.finished - finished, set(self.finished)
            if ended:
                yield jobs_pb2.WatchJobsResponse(jobs=map(self._state, sorted(ended)))

    def GetJob(self, request: jobs_pb2.GetJobRequest, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        """Know of no such job."""
        context.set_trailing_metadata((("qserver-reason", "NOT_FOUND"),))
        context.abort(grpc.StatusCode.NOT_FOUND, f"no job {request.id}")

    def _state(self, job_id: str) -> jobs_pb2.Job:
        is_finished = job_id in self.finished
        return jobs_pb2.Job(
            id=job_id,
            pointer=int(job_id.removeprefix("job-")) + 1,
            status=jobs_pb2.JOB_STATUS_FINISHED if is_finished else jobs_pb2.JOB_STATUS_PENDING,
            event_sequence=3 if is_finished else 1,
        )

    def _take(self, request_id: str, source: bytes) -> jobs_pb2.Job:
        if request_id not in self.job_ids:
            self.job_ids[request_id] = f"job-{len(self.job_ids)}"
            self.sources.append(source)
        return jobs_pb2.Job(id=self.job_ids[request_id], status=jobs_pb2.JOB_STATUS_PENDING)

    def _perhaps_lose_the_answer(self, context: grpc.ServicerContext) -> None:
        if self.lost_answers:
            self.lost_answers -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")


def _result(job_id: str) -> jobs_pb2.JobResult:
    result = jobs_pb2.GetResultResponse(pub_results=[jobs_pb2.PubResult(counts={"0": 1})])
    return jobs_pb2.JobResult(id=job_id, result=result)


def serve(service: FakeJobService) -> tuple[grpc.Server, int]:
    """Serve it on a free port; gives the port too."""
    options = (("grpc.http2.min_recv_ping_interval_without_data_ms", 100), ("grpc.max_receive_message_length", -1))
    server = grpc.server(ThreadPoolExecutor(16), options=options)
    jobs_pb2_grpc.add_JobServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
