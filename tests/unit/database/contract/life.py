"""The life of a job, in any order of events: no illegal state, no lost job, one history row for each that ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from database import Database
from database.records import FailedRun, Lease
from qserver.errors import Conflict, NotFound, QuotaExceeded, Reason
from qserver.identity import ANONYMOUS, GUEST
from qserver.jobs import ALLOWED_MOVES, Job, JobEvent, JobStatus
from qserver.settings import QuotaSettings
from tests.unit.database.builders import (
    LAPSED,
    LEASE_SECONDS,
    OTHER_WORKER,
    ROUTE,
    WORKER,
    JobBuilder,
    claimed,
    finished,
)

NOW_IN_DAYS = 1e-9
MAX_OPEN = 3
MAX_RESULTS = 4
QUOTAS = QuotaSettings(max_pending_jobs_per_user=MAX_OPEN, max_stored_results_per_user=MAX_RESULTS)
EVERYTHING = 1000


@dataclass(frozen=True)
class Expected:
    """What a job should be. `live` is the lease under which alone a result is taken."""

    status: JobStatus
    attempt: int
    max_attempts: int
    live: Lease | None = None

    @property
    def has_attempt_left(self) -> bool:
        return self.attempt < self.max_attempts


class LifeOfJobs(RuleBasedStateMachine):
    """Submits, claims, ends, loses and removes jobs, beside a model of what must come of it."""

    jobs = Bundle("jobs")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.database = self.open_empty_database()
        self.present: dict[UUID, Expected] = {}
        self.ended: dict[UUID, JobStatus] = {}
        self.requests: dict[str, UUID] = {}

    def open_empty_database(self) -> Database:
        raise NotImplementedError

    def teardown(self) -> None:
        self.database.close()

    @rule(target=jobs, max_attempts=st.integers(1, 2), request_id=st.sampled_from([None, "a", "b"]))
    def submit(self, max_attempts: int, request_id: str | None) -> UUID:
        new = JobBuilder(owner=GUEST, max_attempts=max_attempts, request_id=request_id).build()
        with self.database.transaction() as transaction:
            (job,) = transaction.jobs.submit([new], QUOTAS)

        known = self.requests.get(request_id) if request_id is not None else None
        assert isinstance(job, QuotaExceeded) == (known is None and self._is_full())
        if not isinstance(job, Job):
            return new.id
        assert job.id == (known or new.id)
        if known is None:
            self.present[job.id] = Expected(JobStatus.PENDING, 0, max_attempts)
        if request_id is not None:
            self.requests[request_id] = job.id
        return job.id

    @rule(limit=st.integers(1, 3))
    def pick(self, limit: int) -> None:
        with self.database.transaction() as transaction:
            picked = transaction.dispatch.pick(ROUTE, limit_jobs=limit, limit_seconds=1.0, memory_bytes=2**40)

        assert all(self.present[job_id].status is JobStatus.PENDING for job_id in picked.job_ids)

    @rule(target=leases, job_id=jobs, worker_id=st.sampled_from([WORKER, OTHER_WORKER]), is_lapsed=st.booleans())
    def claim(self, job_id: UUID, worker_id: UUID, is_lapsed: bool) -> Lease:  # noqa: FBT001 - drawn by Hypothesis
        seconds = LAPSED if is_lapsed else LEASE_SECONDS
        claims = claimed(self.database, [job_id], worker_id=worker_id, lease_seconds=seconds)

        before = self.present.get(job_id)
        if before is None or before.status is not JobStatus.PENDING:
            assert not claims
            return Lease(job_id, worker_id, 1)
        (claim,) = claims
        assert claim.job.attempt == before.attempt + 1
        live = None if is_lapsed else claim.lease
        self.present[job_id] = replace(before, status=JobStatus.RUNNING, attempt=claim.lease.attempt, live=live)
        return claim.lease

    @rule(lease=leases)
    def finish(self, lease: Lease) -> None:
        assert finished(self.database, lease) == self._is_live(lease)

        if self._is_live(lease):
            self._end(lease.job_id, JobStatus.FINISHED)

    @rule(lease=leases)
    def fail(self, lease: Lease) -> None:
        with self.database.transaction() as transaction:
            failed = transaction.jobs.fail([FailedRun(lease, Reason.PLUGIN_ERROR, "unknown gate")])

        assert (lease.job_id in failed) == self._is_live(lease)
        if failed:
            self._end(lease.job_id, JobStatus.FAILED)

    @rule(lease=leases, is_lapsing=st.booleans())
    def renew(self, lease: Lease, is_lapsing: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        seconds = LAPSED if is_lapsing else LEASE_SECONDS
        with self.database.transaction() as transaction:
            renewed = transaction.jobs.renew(lease.worker_id, [lease], lease_seconds=seconds)

        assert (lease.job_id in renewed) == self._is_live(lease)
        if renewed and is_lapsing:
            self.present[lease.job_id] = replace(self.present[lease.job_id], live=None)

    @rule(lease=leases, lose_attempt=st.booleans())
    def release(self, lease: Lease, lose_attempt: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        with self.database.transaction() as transaction:
            released = transaction.jobs.release([lease], lose_attempt=lose_attempt)

        if released:
            before = self.present[lease.job_id]
            assert (before.status, before.attempt) == (JobStatus.RUNNING, lease.attempt)
            self._give_up(lease.job_id, lose_attempt=lose_attempt)
        else:
            assert not self._is_live(lease)

    @rule()
    def expire_leases(self) -> None:
        with self.database.transaction() as transaction:
            lost = transaction.jobs.expire_leases()

        lapsed = {i for i, job in self.present.items() if job.status is JobStatus.RUNNING and job.live is None}
        assert set(lost) == lapsed
        for job_id in lost:
            self._give_up(job_id, lose_attempt=True)

    @rule(job_id=jobs)
    def cancel(self, job_id: UUID) -> None:
        before = self.present.get(job_id)
        with self.database.transaction() as transaction:
            if before is None:
                with pytest.raises(NotFound):
                    transaction.jobs.cancel(job_id, ANONYMOUS)
            elif before.status.is_final:
                with pytest.raises(Conflict):
                    transaction.jobs.cancel(job_id, ANONYMOUS)
            else:
                transaction.jobs.cancel(job_id, ANONYMOUS)
                self._end(job_id, JobStatus.CANCELED)

    @rule(job_id=consumes(jobs))
    def delete(self, job_id: UUID) -> None:
        before = self.present.get(job_id)
        with self.database.transaction() as transaction:
            if before is None:
                with pytest.raises(NotFound):
                    transaction.jobs.delete(job_id, ANONYMOUS)
            elif before.status is JobStatus.RUNNING:
                with pytest.raises(Conflict):
                    transaction.jobs.delete(job_id, ANONYMOUS)
            else:
                transaction.jobs.delete(job_id, ANONYMOUS)
                if before.status is JobStatus.PENDING:
                    self.ended[job_id] = JobStatus.CANCELED
                del self.present[job_id]

    @rule(keep_count=st.integers(1, 3))
    def remove_old_jobs(self, keep_count: int) -> None:
        over = [job_id for job_id, job in self.present.items() if job.status.is_final]
        with self.database.transaction() as transaction:
            removal = transaction.retention.remove_old_jobs(keep_days=0, keep_count=keep_count)
            left = {job.id for job in transaction.jobs.list(ANONYMOUS, limit=EVERYTHING)}

        assert removal.count == max(0, len(over) - keep_count)
        self.present = {job_id: job for job_id, job in self.present.items() if job_id in left}

    @rule()
    def remove_old_history(self) -> None:
        with self.database.transaction() as transaction:
            transaction.retention.remove_old_history(keep_days=NOW_IN_DAYS)

        self.requests = {key: job_id for key, job_id in self.requests.items() if job_id not in self.ended}
        self.ended.clear()

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        with self.database.reading() as transaction:
            details = transaction.jobs.details(ANONYMOUS, limit=EVERYTHING, offset=0)
            history = transaction.history.list(ANONYMOUS, limit=EVERYTHING, offset=0)
            logs = {i: transaction.jobs.events(i, ANONYMOUS, after_sequence=0) for i in self.present}

        self._check_that_no_job_is_lost([detail.job for detail in details])
        assert all((detail.result is not None) == (detail.job.status is JobStatus.FINISHED) for detail in details)
        assert sorted((row.job_id, row.status) for row in history) == sorted(self.ended.items())
        for job_id, events in logs.items():
            self._check_that_each_event_is_a_move(job_id, events)

    def _check_that_no_job_is_lost(self, jobs: Sequence[Job]) -> None:
        states = {job.id: (job.status, job.attempt, job.max_attempts) for job in jobs}
        assert states == {i: (job.status, job.attempt, job.max_attempts) for i, job in self.present.items()}

    def _check_that_each_event_is_a_move(self, job_id: UUID, events: Sequence[JobEvent]) -> None:
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert all(later.status in ALLOWED_MOVES[earlier.status] for earlier, later in pairwise(events))
        assert events[-1].status is self.present[job_id].status

    def _is_full(self) -> bool:
        still_open = [job for job in self.present.values() if not job.status.is_final]
        finished = [job for job in self.present.values() if job.status is JobStatus.FINISHED]
        return len(still_open) >= MAX_OPEN or len(still_open) + len(finished) >= MAX_RESULTS

    def _is_live(self, lease: Lease) -> bool:
        job = self.present.get(lease.job_id)
        return job is not None and job.live == lease

    def _give_up(self, job_id: UUID, *, lose_attempt: bool) -> None:
        before = self.present[job_id]
        if lose_attempt and not before.has_attempt_left:
            self._end(job_id, JobStatus.FAILED)
        else:
            granted = before.max_attempts + (not lose_attempt)
            self.present[job_id] = replace(before, status=JobStatus.PENDING, max_attempts=granted, live=None)

    def _end(self, job_id: UUID, status: JobStatus) -> None:
        self.present[job_id] = replace(self.present[job_id], status=status, live=None)
        self.ended[job_id] = status


def check_life_of_jobs(open_empty_database: Callable[[], Database], *, examples: int) -> None:
    """Try many orders of events, each on a database that `open_empty_database` gives and the machine closes."""

    class LifeOfJobsHere(LifeOfJobs):
        def open_empty_database(self) -> Database:
            return open_empty_database()

    run_state_machine_as_test(
        LifeOfJobsHere,
        # Without the phase that explains failures: it traces every line, and outlasts the test's time-out.
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
