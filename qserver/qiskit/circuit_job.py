"""Circuits on the server, as `backend.run` hands them out."""

from collections.abc import Callable, Sequence

from qiskit.providers import BackendV2, JobStatus, JobTimeoutError, JobV1
from qiskit.result import Result

from qserver import __version__
from qserver.client.wire import FINAL_STATUSES
from qserver.clock import SystemClock
from qserver.errors import ExecutionError, WaitTimeout
from qserver.qiskit.circuit_runs import CircuitRun
from qserver.qiskit.primitive_job import STATUSES
from qserver.qiskit.transport import Transport
from qserver.rpc.v1 import jobs_pb2

_NOT_OVER = (JobStatus.RUNNING, JobStatus.QUEUED)


class QServerJob(JobV1):  # type: ignore[misc] # Qiskit is untyped
    """Submitted circuits: a job of the server each. Its id is theirs, parted by commas."""

    _async = True

    def __init__(
        self, backend: BackendV2, transport: Transport, job_ids: Sequence[str], runs: Sequence[CircuitRun]
    ) -> None:
        """Know the jobs, and how their results are read."""
        super().__init__(backend, ",".join(job_ids))
        self.job_ids = tuple(job_ids)
        self._transport = transport
        self._runs = runs
        self._result: Result | None = None
        self._over: dict[str, jobs_pb2.JobStatus.ValueType] = {}

    def submit(self) -> None:
        """Do nothing: it was submitted when it was made."""

    def result(self, timeout: float | None = None) -> Result:
        """Wait `timeout` seconds at most for the results. Raises ExecutionError for one that failed, WaitTimeout."""
        if self._result is None:
            found = self._transport.results(self.job_ids, timeout_seconds=timeout)
            self._over = dict.fromkeys(self.job_ids, jobs_pb2.JOB_STATUS_FINISHED)
            experiments = [run.experiment(pub) for run, (pub,) in zip(self._runs, found, strict=True)]
            self._result = Result(
                results=experiments,
                date=SystemClock().now().isoformat(),
                time_taken=sum(experiment.time_taken for experiment in experiments),
                metadata={},
                qobj_id="",
                backend_name=self.backend().name,
                backend_version=__version__,
                job_id=self.job_id(),
                success=True,
                status="COMPLETED",
            )
        return self._result

    def status(self) -> JobStatus:
        """Tell the state that says most: one that failed or was canceled, else one that isn't over, else done."""
        asked = self._transport.statuses(self._open_ids())
        self._over.update((job_id, status) for job_id, status in asked.items() if status in FINAL_STATUSES)
        found = {STATUSES[status] for status in (*asked.values(), *self._over.values())}
        for status in (JobStatus.ERROR, JobStatus.CANCELLED, *_NOT_OVER):
            if status in found:
                return status
        return JobStatus.DONE

    def cancel(self) -> bool:
        """Stop those that are not over; tell whether any was stopped."""
        return self._transport.cancel_all(self._open_ids()) > 0

    def wait_for_final_state(
        self, timeout: float | None = None, wait: float = 5, callback: Callable[..., None] | None = None
    ) -> None:
        """Wait `timeout` seconds at most until it is over, told by push; with a callback, asked every `wait` seconds.

        Raises JobTimeoutError.
        """
        if callback is not None:
            super().wait_for_final_state(timeout, wait, callback)
            return
        try:
            self.result(timeout)
        except ExecutionError:
            return  # over too; `result` says why again
        except WaitTimeout as error:
            raise JobTimeoutError(error.message) from error

    def _open_ids(self) -> list[str]:
        return [job_id for job_id in self.job_ids if job_id not in self._over]
