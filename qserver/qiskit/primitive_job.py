"""Jobs of PUBs on the server, as Qiskit's primitives hand them out."""

from collections.abc import Callable, Sequence
from itertools import chain

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import JobStatus

from qserver.errors import Conflict
from qserver.qiskit.server_jobs import ServerJobs
from qserver.rpc.v1 import jobs_pb2


class QServerPrimitiveJob(BasePrimitiveJob[PrimitiveResult, JobStatus]):  # type: ignore[misc] # Qiskit is untyped
    """Submitted PUBs: a job of the server, or several where there are many. Its id is theirs, parted by commas.

    Every method but `job_id` asks the server about those that are not known to be over.
    """

    def __init__(self, jobs: ServerJobs, read: Callable[[Sequence[jobs_pb2.PubResult]], PrimitiveResult]) -> None:
        """Know the jobs, and how their results become Qiskit's."""
        super().__init__(jobs.joined_id)
        self.job_ids = jobs.ids
        self._jobs = jobs
        self._read = read
        self._result: PrimitiveResult | None = None

    def result(self, timeout_seconds: float | None = None) -> PrimitiveResult:
        """Wait for the result. Raises ExecutionError where a job failed or was canceled, WaitTimeout."""
        if self._result is None:
            self._result = self._read(list(chain.from_iterable(self._jobs.results(timeout_seconds))))
        return self._result

    def status(self) -> JobStatus:
        """Ask for the state that says most: of a job that failed or was canceled, else of one that isn't over."""
        return self._jobs.status()

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
        """Stop what is not over. Raises Conflict where all is."""
        if not self._jobs.cancel():
            raise Conflict(f"job {self.job_id()} is over: it can't be canceled any more")


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
