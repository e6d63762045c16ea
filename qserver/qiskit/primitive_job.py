"""A job of PUBs on the server, as Qiskit's primitives hand it out."""

from collections.abc import Callable, Sequence

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobStatus

from qserver.qiskit.transport import Transport
from qserver.rpc.v1 import jobs_pb2

STATUSES = {
    jobs_pb2.JOB_STATUS_PENDING: JobStatus.QUEUED,
    jobs_pb2.JOB_STATUS_RUNNING: JobStatus.RUNNING,
    jobs_pb2.JOB_STATUS_FINISHED: JobStatus.DONE,
    jobs_pb2.JOB_STATUS_FAILED: JobStatus.ERROR,
    jobs_pb2.JOB_STATUS_CANCELED: JobStatus.CANCELLED,
}


class QServerPrimitiveJob(BasePrimitiveJob[PrimitiveResult, JobStatus]):  # type: ignore[misc] # Qiskit is untyped
    """A submitted job. Every method but `job_id` asks the server."""

    def __init__(
        self,
        transport: Transport,
        job_id: str,
        read: Callable[[Sequence[jobs_pb2.PubResult]], PrimitiveResult],
    ) -> None:
        """Know a job, and how its results become Qiskit's."""
        super().__init__(job_id)
        self._transport = transport
        self._read = read
        self._result: PrimitiveResult | None = None

    def result(self, timeout_seconds: float | None = None) -> PrimitiveResult:
        """Wait for the result. Raises ExecutionError where the job failed or was canceled, WaitTimeout."""
        if self._result is None:
            self._result = self._read(self._transport.result(self.job_id(), timeout_seconds=timeout_seconds))
        return self._result

    def status(self) -> JobStatus:
        """Ask where the job is in its life."""
        return STATUSES[self._transport.job(self.job_id()).status]

    def done(self) -> bool:
        """Whether it has a result."""
        return self.status() is JobStatus.DONE

    def running(self) -> bool:
        """Whether a worker has it."""
        return self.status() is JobStatus.RUNNING

    def cancelled(self) -> bool:
        """Whether somebody stopped it."""
        return self.status() is JobStatus.CANCELLED

    def in_final_state(self) -> bool:
        """Whether it will never change again."""
        return self.status() in {JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED}

    def cancel(self) -> None:
        """Stop it. Raises Conflict where it is over."""
        self._transport.cancel(self.job_id())


class NothingToRun(BasePrimitiveJob[PrimitiveResult, JobStatus]):  # type: ignore[misc] # Qiskit is untyped
    """A job that no server need run: its result was there at once."""

    def __init__(self, result: PrimitiveResult) -> None:
        """Have a result."""
        super().__init__("")
        self._result = result

    def result(self, timeout_seconds: float | None = None) -> PrimitiveResult:  # noqa: ARG002 - as of a job that runs
        """Give it, at once."""
        return self._result

    def status(self) -> JobStatus:
        """Say that it is done."""
        return JobStatus.DONE

    def done(self) -> bool:
        """Whether it has a result: always."""
        return True

    def running(self) -> bool:
        """Whether a worker has it: never."""
        return False

    def cancelled(self) -> bool:
        """Whether somebody stopped it: never."""
        return False

    def in_final_state(self) -> bool:
        """Whether it will never change: always."""
        return True

    def cancel(self) -> None:
        """Do nothing: it is over."""
