"""Circuits on the server, as `backend.run` hands them out."""

from collections.abc import Callable, Sequence

from qiskit.providers import BackendV2, JobStatus, JobTimeoutError, JobV1
from qiskit.result import Result

from qserver import __version__
from qserver.clock import SystemClock
from qserver.errors import ExecutionError, WaitTimeout
from qserver.qiskit.circuit_runs import CircuitRun
from qserver.qiskit.server_jobs import ServerJobs


class QServerJob(JobV1):  # type: ignore[misc] # Qiskit is untyped
    """Submitted circuits: a job of the server each. Its id is theirs, parted by commas."""

    _async = True

    def __init__(self, backend: BackendV2, jobs: ServerJobs, runs: Sequence[CircuitRun]) -> None:
        """Know the jobs, and how their results are read."""
        super().__init__(backend, jobs.joined_id)
        self.job_ids = jobs.ids
        self._jobs = jobs
        self._runs = runs
        self._result: Result | None = None

    def submit(self) -> None:
        """Do nothing: it was submitted when it was made."""

    def result(self, timeout: float | None = None) -> Result:
        """Wait `timeout` seconds at most for the results. Raises ExecutionError for one that failed, WaitTimeout."""
        if self._result is None:
            found = self._jobs.results(timeout)
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
        return self._jobs.status()

    def cancel(self) -> bool:
        """Stop those that are not over; tell whether any was stopped."""
        return self._jobs.cancel() > 0

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
