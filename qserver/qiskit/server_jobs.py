"""Several jobs of the server that stand for one of Qiskit's."""

from collections.abc import Sequence

from qiskit.providers import JobStatus

from qserver.qiskit.transport import Transport
from qserver.rpc.v1 import jobs_pb2
from qserver.wire import FINAL_STATUSES

STATUSES = {
    jobs_pb2.JOB_STATUS_PENDING: JobStatus.QUEUED,
    jobs_pb2.JOB_STATUS_RUNNING: JobStatus.RUNNING,
    jobs_pb2.JOB_STATUS_FINISHED: JobStatus.DONE,
    jobs_pb2.JOB_STATUS_FAILED: JobStatus.ERROR,
    jobs_pb2.JOB_STATUS_CANCELED: JobStatus.CANCELLED,
}

_TELLING = (JobStatus.ERROR, JobStatus.CANCELLED, JobStatus.RUNNING, JobStatus.QUEUED)


class ServerJobs:
    """Jobs of one submission, in order. Each that is over is asked for no more."""

    def __init__(self, transport: Transport, job_ids: Sequence[str]) -> None:
        """Name them; asks nothing."""
        self.ids = tuple(job_ids)
        self._transport = transport
        self._over: dict[str, jobs_pb2.JobStatus.ValueType] = {}

    @property
    def joined_id(self) -> str:
        """Their ids, parted by commas."""
        return ",".join(self.ids)

    def results(self, timeout_seconds: float | None) -> Sequence[Sequence[jobs_pb2.PubResult]]:
        """Wait for all; give the results of each, one a PUB. Raises as `Transport.results` does."""
        found = self._transport.results(self.ids, timeout_seconds=timeout_seconds)
        self._over = dict.fromkeys(self.ids, jobs_pb2.JOB_STATUS_FINISHED)
        return found

    def status(self) -> JobStatus:
        """Tell the state that says most: one that failed or was canceled, else one that isn't over, else done."""
        asked = self._transport.statuses(self._open_ids())
        self._over.update((job_id, status) for job_id, status in asked.items() if status in FINAL_STATUSES)
        found = {STATUSES[status] for status in (*asked.values(), *self._over.values())}
        return next((status for status in _TELLING if status in found), JobStatus.DONE)

    def cancel(self) -> int:
        """Stop those that are not over; tell how many were stopped."""
        return self._transport.cancel_all(self._open_ids())

    def _open_ids(self) -> list[str]:
        return [job_id for job_id in self.ids if job_id not in self._over]
