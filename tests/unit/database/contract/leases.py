"""How jobs run: claims, leases, results."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from database import Database
from database.records import Claimant, Lease
from database.tables import jobs
from qserver.errors import Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.unit.database.builders import (
    LAPSED,
    LEASE_SECONDS,
    OTHER_WORKER,
    ROUTE,
    WORKER,
    JobBuilder,
    a_lease,
    a_plan,
    a_result,
    claimed,
    finished,
    read,
    submitted,
)

CLAIMANT = Claimant(WORKER, frozenset({ROUTE}), memory_bytes=2**40)
PAST = datetime(2020, 1, 1, tzinfo=UTC)


class TestClaim:
    def test_a_claimed_job_runs_under_a_lease(self, database: Database) -> None:
        (job,) = submitted(database)

        (claim,) = claimed(database, [job.id])

        assert claim.lease == Lease(job.id, WORKER, 1)
        assert claim.job == read(database, job.id)
        assert claim.job.status is JobStatus.RUNNING
        assert claim.job.started_at is not None
        assert claim.queued_seconds == (claim.job.started_at - job.submitted_at).total_seconds()

    def test_a_claim_brings_all_that_a_run_needs(self, database: Database) -> None:
        builder = JobBuilder(plan=a_plan(seconds=0.25))
        (job,) = submitted(database, builder)

        (claim,) = claimed(database, [job.id])

        assert claim.circuit == builder.build().circuit
        assert claim.plan == builder.plan

    def test_leases_are_told_before_their_jobs_are_read(self, database: Database) -> None:
        (job,) = submitted(database)
        told: list[Lease] = []
        with database._engine.begin() as connection:
            connection.execute(update(jobs).values(plan={}))  # nobody can read that

        with pytest.raises(TypeError), database.transaction() as transaction:
            transaction.jobs.claim([job.id], CLAIMANT, lease_seconds=LEASE_SECONDS, on_lease=told.extend)

        assert told == [Lease(job.id, WORKER, 1)]

    def test_claims_that_are_alike_share_what_was_read_of_them(self, database: Database) -> None:
        alike = JobBuilder(shots=77)
        long_reason = "because " * 1000
        other = JobBuilder(shots=78, plan=replace(a_plan(), reason=long_reason))
        jobs = submitted(database, alike, alike, other)

        first, second, third = claimed(database, [job.id for job in jobs])

        assert first.job.request is second.job.request
        assert first.plan is second.plan
        assert first.circuit.inspection.profile is third.circuit.inspection.profile
        assert (third.job.request.run.shots, third.plan.reason) == (78, long_reason)

    def test_a_job_is_claimed_once(self, database: Database) -> None:
        (job,) = submitted(database)
        claimed(database, [job.id])

        again = claimed(database, [job.id, job.id], worker_id=OTHER_WORKER)

        assert again == ()

    def test_claims_come_oldest_first(self, database: Database) -> None:
        jobs = submitted(database, *[JobBuilder()] * 5)

        claims = claimed(database, [job.id for job in reversed(jobs)])

        assert [claim.job.id for claim in claims] == [job.id for job in jobs]

    def test_what_nobody_knows_is_left_out(self, database: Database) -> None:
        assert claimed(database, [uuid4()]) == ()
        assert claimed(database, []) == ()

    def test_a_worker_claims_only_what_it_serves(self, database: Database) -> None:
        other_route, too_large, fitting = submitted(
            database, JobBuilder(route="gpu"), JobBuilder(plan=a_plan(memory_bytes=2**40)), JobBuilder()
        )

        claims = claimed(database, [other_route.id, too_large.id, fitting.id], memory_bytes=2**30)

        assert [claim.job.id for claim in claims] == [fitting.id]
        assert read(database, too_large.id).status is JobStatus.PENDING

    def test_a_worker_leaves_jobs_of_engines_that_it_lacks_to_others(self, database: Database) -> None:
        for_qsim, for_aer = submitted(database, JobBuilder(plugin="qsim"), JobBuilder())

        claims = claimed(database, [for_qsim.id, for_aer.id], lacking_engines=frozenset({"qsim"}))
        left = claimed(database, [for_qsim.id, for_aer.id], worker_id=OTHER_WORKER)

        assert [claim.job.id for claim in claims] == [for_aer.id]
        assert [claim.job.id for claim in left] == [for_qsim.id]

    def test_a_job_that_waited_too_long_fails_instead(self, database: Database) -> None:
        late, early = submitted(
            database,
            JobBuilder(expires_at=PAST),
            JobBuilder(expires_at=datetime.now(UTC) + timedelta(hours=1)),
        )

        claims = claimed(database, [late.id, early.id])

        assert [claim.job.id for claim in claims] == [early.id]
        assert (read(database, late.id).status, read(database, late.id).reason) == (JobStatus.FAILED, Reason.EXPIRED)


class TestLease:
    def test_a_live_lease_can_be_renewed(self, database: Database) -> None:
        lease = a_lease(database)

        with database.transaction() as transaction:
            renewed = transaction.jobs.renew(WORKER, [lease], lease_seconds=LEASE_SECONDS)

        assert renewed == {lease.job_id}

    def test_renewing_counts_from_now(self, database: Database) -> None:
        lease = a_lease(database)
        with database.transaction() as transaction:
            transaction.jobs.renew(WORKER, [lease], lease_seconds=LAPSED)

        with database.reading() as transaction:
            held = transaction.jobs.still_held([lease])

        assert held == frozenset()

    def test_a_lapsed_lease_cannot_be_renewed(self, database: Database) -> None:
        lease = a_lease(database, lease_seconds=LAPSED)

        with database.transaction() as transaction:
            renewed = transaction.jobs.renew(WORKER, [lease], lease_seconds=LEASE_SECONDS)

        assert renewed == frozenset()

    def test_another_workers_lease_cannot_be_renewed(self, database: Database) -> None:
        lease = a_lease(database)

        with database.transaction() as transaction:
            renewed = transaction.jobs.renew(OTHER_WORKER, [lease], lease_seconds=LEASE_SECONDS)

        assert renewed == frozenset()

    def test_asking_whether_a_lease_is_held_does_not_prolong_it(self, database: Database) -> None:
        live, lapsed = a_lease(database), a_lease(database, lease_seconds=LAPSED)

        with database.reading() as transaction:
            held = transaction.jobs.still_held([live, lapsed])

        assert held == {live.job_id}

    def test_a_lapsed_lease_puts_its_job_back(self, database: Database) -> None:
        lapsed, live = a_lease(database, lease_seconds=LAPSED), a_lease(database)

        with database.transaction() as transaction:
            lost = transaction.jobs.expire_leases()

        assert lost == [lapsed.job_id]
        job = read(database, lapsed.job_id)
        assert (job.status, job.attempt, job.started_at) == (JobStatus.PENDING, 1, None)
        assert job.reason is Reason.WORKER_LOST
        assert read(database, live.job_id).status is JobStatus.RUNNING

    def test_the_last_lapsed_lease_fails_its_job(self, database: Database) -> None:
        lease = a_lease(database, JobBuilder(max_attempts=1), lease_seconds=LAPSED)

        with database.transaction() as transaction:
            transaction.jobs.expire_leases()

        job = read(database, lease.job_id)
        assert (job.status, job.reason) == (JobStatus.FAILED, Reason.WORKER_LOST)
        assert job.finished_at is not None

    def test_a_killed_process_leaves_no_running_job_and_costs_none_an_attempt(self, database: Database) -> None:
        lease = a_lease(database, JobBuilder(max_attempts=1))

        with database.transaction() as transaction:
            returned = transaction.jobs.abandon_leases()

        assert returned == [lease.job_id]
        assert read(database, lease.job_id).status is JobStatus.PENDING


class TestFinish:
    def test_a_finished_job_has_its_results(self, database: Database) -> None:
        lease = a_lease(database)

        accepted = finished(database, lease, a_result(zeros=500))

        job = read(database, lease.job_id)
        with database.reading() as transaction:
            stored = transaction.results.get(lease.job_id, ANONYMOUS)
        assert accepted
        assert job.status is JobStatus.FINISHED
        assert job.finished_at is not None
        assert stored.results == (a_result(zeros=500),)
        assert list(stored.results[0].counts or ()) == ["11", "00"]

    def test_each_pub_has_a_document_of_its_own(self, database: Database) -> None:
        lease = a_lease(database)

        finished(database, lease, a_result(zeros=1), a_result(zeros=2))

        with database.reading() as transaction:
            stored = transaction.results.get(lease.job_id, ANONYMOUS)
        assert [result.counts for result in stored.results] == [a_result(zeros=1).counts, a_result(zeros=2).counts]

    def test_a_result_under_a_lapsed_lease_is_dropped(self, database: Database) -> None:
        lease = a_lease(database, lease_seconds=LAPSED)

        accepted = finished(database, lease)

        assert not accepted
        assert read(database, lease.job_id).status is JobStatus.RUNNING

    def test_a_worker_back_from_the_dead_cannot_overwrite(self, database: Database) -> None:
        dead = a_lease(database, lease_seconds=LAPSED)
        with database.transaction() as transaction:
            transaction.jobs.expire_leases()
        (claim,) = claimed(database, [dead.job_id], worker_id=OTHER_WORKER)

        from_the_dead = finished(database, dead, a_result(zeros=1))
        accepted = finished(database, claim.lease, a_result(zeros=2))

        with database.reading() as transaction:
            stored = transaction.results.get(dead.job_id, ANONYMOUS)
        assert (from_the_dead, accepted) == (False, True)
        assert stored.results == (a_result(zeros=2),)

    def test_an_earlier_attempt_of_the_same_worker_cannot_overwrite(self, database: Database) -> None:
        first = a_lease(database)
        with database.transaction() as transaction:
            transaction.jobs.release([first], lose_attempt=False)
        (second,) = claimed(database, [first.job_id])

        accepted = finished(database, first)

        assert not accepted
        assert second.lease != first

    def test_a_job_finishes_once(self, database: Database) -> None:
        lease = a_lease(database)
        finished(database, lease)

        again = finished(database, lease)

        assert not again

    def test_a_canceled_job_takes_no_result(self, database: Database) -> None:
        lease = a_lease(database)
        with database.transaction() as transaction:
            transaction.jobs.cancel(lease.job_id, ANONYMOUS)

        accepted = finished(database, lease)

        assert not accepted
        assert read(database, lease.job_id).status is JobStatus.CANCELED
