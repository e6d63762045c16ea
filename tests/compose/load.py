"""Jobs that keep coming while something happens to the stack."""

import threading
from uuid import uuid4

import grpc

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.compose.stack import Stack, submission

BATCH = 5
MOST_AT_ONCE = 500
PAUSE_SECONDS = 0.5


class Load:
    """Submits batches over TLS until it is stopped, and again what got no answer: each job has a request_id."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.wanted: set[str] = set()
        self.accepted: dict[str, str] = {}
        self.failed_calls = 0

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Submit no more; returns when the last call has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            self.wanted |= {str(uuid4()) for _ in range(BATCH)}
            self.try_once()

    def try_once(self) -> bool:
        """Submit all that was not accepted yet; gives whether that left nothing."""
        missing = sorted(self.wanted - self.accepted.keys())[:MOST_AT_ONCE]
        if not missing:
            return True
        request = jobs_pb2.SubmitJobsRequest(submissions=[submission(request_id) for request_id in missing])
        try:
            with self._stack.tls_channel() as channel:
                answers = jobs_pb2_grpc.JobServiceStub(channel).SubmitJobs(request, timeout=30).answers
        except (grpc.RpcError, OSError):
            self.failed_calls += 1
            return False
        for request_id, answer in zip(missing, answers, strict=True):
            if answer.HasField("job"):
                self.accepted[request_id] = answer.job.id
        return self.wanted == self.accepted.keys()
