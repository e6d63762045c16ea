"""How workers give jobs up: failed ones, and ones that are to run again."""

from database import Database
from database.records import FailedRun, Lease
from qserver.errors import Reason
from qserver.jobs import JobStatus
from tests.unit.database.builders import LAPSED, OTHER_WORKER, JobBuilder, a_lease, claimed, finished, read


class TestFail:
    def test_a_failed_job_says_why(self, database: Database) -> None:
        first, second = a_lease(database), a_lease(database)

        with database.transaction() as transaction:
            failed = transaction.jobs.fail(
                [
                    FailedRun(first, Reason.OUT_OF_MEMORY, "60 qubits need 16 EiB"),
                    FailedRun(second, Reason.PLUGIN_ERROR, "unknown gate"),
                ]
            )

        jobs = [read(database, lease.job_id) for lease in (first, second)]
        assert failed == {first.job_id, second.job_id}
        assert [(job.status, job.reason, job.message) for job in jobs] == [
            (JobStatus.FAILED, Reason.OUT_OF_MEMORY, "60 qubits need 16 EiB"),
            (JobStatus.FAILED, Reason.PLUGIN_ERROR, "unknown gate"),
        ]

    def test_a_lapsed_lease_cannot_fail_its_job(self, database: Database) -> None:
        lease = a_lease(database, lease_seconds=LAPSED)

        with database.transaction() as transaction:
            failed = transaction.jobs.fail([FailedRun(lease, Reason.PLUGIN_ERROR, "unknown gate")])

        assert failed == frozenset()


class TestRelease:
    def test_a_released_job_waits_again(self, database: Database) -> None:
        lease = a_lease(database)

        with database.transaction() as transaction:
            released = transaction.jobs.release([lease], lose_attempt=True, message="the simulator died")

        job = read(database, lease.job_id)
        assert released == {lease.job_id}
        assert (job.status, job.attempt, job.max_attempts) == (JobStatus.PENDING, 1, 3)
        assert job.message == "the simulator died"

    def test_a_job_released_for_the_last_time_fails(self, database: Database) -> None:
        lease = a_lease(database, JobBuilder(max_attempts=1))

        with database.transaction() as transaction:
            transaction.jobs.release([lease], lose_attempt=True, message="the simulator died")

        job = read(database, lease.job_id)
        assert (job.status, job.reason) == (JobStatus.FAILED, Reason.WORKER_LOST)
        assert job.message == "the simulator died; no attempt is left"

    def test_a_drained_worker_costs_no_attempt(self, database: Database) -> None:
        lease = a_lease(database, JobBuilder(max_attempts=1))

        with database.transaction() as transaction:
            transaction.jobs.release([lease], lose_attempt=False)
        (claim,) = claimed(database, [lease.job_id])

        assert claim.job.max_attempts - claim.job.attempt == 0
        assert finished(database, claim.lease)

    def test_another_workers_lease_cannot_be_released(self, database: Database) -> None:
        lease = a_lease(database)

        with database.transaction() as transaction:
            released = transaction.jobs.release([Lease(lease.job_id, OTHER_WORKER, 1)], lose_attempt=True)

        assert released == frozenset()
