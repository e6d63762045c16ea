"""Jobs that a worker has run, with results of every kind."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from database.records import Completion, FailedRun, Lease
from qserver.errors import Reason
from qserver.identity import ANONYMOUS
from qserver.results import Array, PhaseSeconds, PubResult
from tests.bell import BELL_RUN
from tests.unit.jobs_server.builders import claim, new_job, worker
from tests.unit.jobs_server.served import Served

RESULT = PubResult(
    run=replace(BELL_RUN, shots=3, seed=7, seconds=PhaseSeconds(queued=1.0, simulating=0.5)),
    counts={"00": 1, "11": 2},
    quasi_dist={"0": 1 / 3, "3": 2 / 3},
    expval=(0.5, -0.5),
    expval_standard_errors=(0.0, 0.1),
    probabilities={"00": 0.5, "11": 0.5},
    arrays=(Array("memory", "bits", (3, 2), b"\x00\xc0\xc0"),),
)


class Jobs:
    """Jobs in the database of a server, and the worker that runs them."""

    def __init__(self, served: Served, route: str = "cpu") -> None:
        self._served = served
        self._worker = worker(route)
        with served.database.transaction() as transaction:
            transaction.workers.register(self._worker)

    def add(self, number: int) -> list[str]:
        """Store jobs that wait."""
        new = [new_job() for _ in range(number)]
        with self._served.database.transaction() as transaction:
            transaction.jobs.submit(new)
        return [str(job.id) for job in new]

    def finish(self, *job_ids: str, result: PubResult = RESULT) -> None:
        """Run jobs to their end, in one transaction."""
        completions = [Completion(lease, (result,)) for lease in self.start(*job_ids)]
        with self._served.database.transaction() as transaction:
            assert len(transaction.jobs.finish(completions)) == len(job_ids)

    def fail(self, job_id: str) -> None:
        """Run a job that fails."""
        (lease,) = self.start(job_id)
        with self._served.database.transaction() as transaction:
            transaction.jobs.fail([FailedRun(lease, Reason.OUT_OF_MEMORY, "needs 3 GiB")])

    def start(self, *job_ids: str) -> Sequence[Lease]:
        """Claim jobs."""
        ids = [UUID(job_id) for job_id in job_ids]
        assert claim(self._served.database, ids, self._worker) == len(ids)
        return [Lease(job_id, self._worker.id, 1) for job_id in ids]

    def cancel(self, job_id: str) -> None:
        """Cancel a job."""
        with self._served.database.transaction() as transaction:
            transaction.jobs.cancel(UUID(job_id), ANONYMOUS)

    def delete(self, job_id: str) -> None:
        """Delete a job."""
        with self._served.database.transaction() as transaction:
            transaction.jobs.delete(UUID(job_id), ANONYMOUS)
