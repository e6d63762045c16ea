"""The jobs, as services see them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, update

from database.audit import Audit
from database.changes import ChangeKind
from database.job_results import ANY_SIZE, no_job
from database.jobs import finishing, guards, holders, leases, moves, orphans, reading, submission
from database.jobs.rows import visible_to
from database.owners import owner_names
from database.people_records import AuditAction
from database.records import (
    Claimant,
    ClaimedJob,
    Completion,
    FailedRun,
    JobDetail,
    JobResult,
    Lease,
    NamedSubmission,
    NewJob,
    OnLease,
    PlainResult,
)
from database.result_pages import page_of_results
from database.tables import jobs
from database.work import Work, status_is
from qserver.errors import AlreadyExists, Conflict, QuotaExceeded, Reason
from qserver.identity import Identity
from qserver.jobs import FINAL_STATUSES, Job, JobEvent, JobStatus
from qserver.settings import QuotaSettings

BATCH = 1000
"""Jobs that one call moves at most where nobody named them: its statement must end well within its time-out."""


class Jobs:
    """The jobs. Somebody else's job is one that doesn't exist, except for an administrator."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def submit(
        self, new_jobs: Sequence[NewJob], quotas: QuotaSettings | None = None, *, as_published: bool = False
    ) -> Sequence[Job | AlreadyExists | QuotaExceeded]:
        """Store jobs and answer for each, in order. Jobs past a quota are answered with QuotaExceeded.

        A request_id that its owner used before answers with the first job if the content is the same, even where that
        job was deleted since, else with AlreadyExists. Other items are not affected. Safe to repeat with a request_id.

        Jobs stored `as_published` wait for no dispatcher: the caller tells the workers of them.
        """
        return submission.submit(self._work, new_jobs, quotas, as_published=as_published)

    def find_first(self, named: Sequence[NamedSubmission]) -> Sequence[Job | AlreadyExists | None]:
        """Answer, in order, submissions that came before as `submit` would, and those that are new with None."""
        return submission.find_first(self._work, named)

    def get(self, job_id: UUID, identity: Identity) -> Job:
        """Give a job. Raises NotFound."""
        return reading.get(self._work, job_id, identity)

    def several(self, job_ids: Sequence[UUID], identity: Identity) -> Sequence[Job]:
        """Give those of the jobs that the caller sees, in the order of submission."""
        return reading.several(self._work, job_ids, identity)

    def detail(self, job_id: UUID, identity: Identity) -> JobDetail:
        """Give a job with its source and results. Raises NotFound."""
        found = reading.with_details(self._work, [self.get(job_id, identity)], identity)
        if not found:  # deleted since it was read, and its circuit with it
            raise no_job(job_id)
        return found[0]

    def list(
        self,
        identity: Identity,
        *,
        limit: int,
        offset: int = 0,
        newest_first: bool = False,
        before_pointer: int | None = None,
        statuses: frozenset[JobStatus] = frozenset(),
        owner: str | None = None,
    ) -> Sequence[Job]:
        """Give a page of jobs in the order of submission, or against it; with `owner`, of the user of that name alone.

        Only administrators get jobs of others.
        """
        page = reading.Page(limit, offset, newest_first, before_pointer, statuses, owner)
        return reading.list_page(self._work, identity, page)

    def list_results(
        self,
        identity: Identity,
        *,
        limit: int,
        offset: int = 0,
        statuses: frozenset[JobStatus] = frozenset(),
        max_bytes: int = ANY_SIZE,
    ) -> Sequence[PlainResult | JobResult]:
        """Give what there is to read of a page of jobs, in the order of submission.

        What is not plain comes as `results.of_jobs` gives it.
        """
        return page_of_results(self._work, identity, limit=limit, offset=offset, statuses=statuses, max_bytes=max_bytes)

    def details(self, identity: Identity, *, limit: int, offset: int, owner: str | None = None) -> Sequence[JobDetail]:
        """Give a page of jobs as `list` does, with sources and results."""
        found = self.list(identity, limit=limit, offset=offset, owner=owner)
        return reading.with_details(self._work, found, identity)

    def owners(self, found: Sequence[Job], identity: Identity) -> Mapping[UUID, str]:
        """Give the names of the users whose jobs these are, by the users' ids."""
        return owner_names(self._work, {job.owner_id for job in found}, identity)

    def events(self, job_id: UUID, identity: Identity, *, after_sequence: int) -> Sequence[JobEvent]:
        """Give a job's events after that one, in order. Raises NotFound."""
        return reading.events(self._work, job_id, identity, after_sequence=after_sequence)

    def followed_events(self, job_id: UUID, identity: Identity, *, after_sequence: int) -> Sequence[JobEvent]:
        """Give what whoever follows a job has not seen yet: its events after that one, in order. Raises NotFound.

        Events are kept for a time of their own: of an ended job that has none left, its last is given, as the job
        itself knows it.
        """
        return reading.followed_events(self._work, job_id, identity, after_sequence=after_sequence)

    def count_by_status(self, identity: Identity | None) -> Mapping[JobStatus, int]:
        """Count the jobs that the caller sees, everybody's without one. All statuses are named."""
        return reading.count_by_status(self._work, identity)

    def count_by_route(self) -> Mapping[tuple[str, JobStatus], int]:
        """Count everybody's jobs that wait or run, by route and status; a pair without jobs is left out."""
        return reading.count_by_route(self._work)

    def claim(
        self,
        job_ids: Sequence[UUID],
        claimant: Claimant,
        *,
        lease_seconds: float,
        on_lease: OnLease | None = None,
    ) -> Sequence[ClaimedJob]:
        """Lease those of the jobs that wait, fit the claimant and have not expired; oldest first.

        Whatever else is named (claimed by another, canceled, deleted, unknown) is left out. A job that expired fails.
        Leases run while their jobs are read, which may take long where these are large: `on_lease` hears of them
        before. What it was told of is leased only if the transaction comes to its end.
        """
        return leases.claim(self._work, job_ids, claimant, lease_seconds=lease_seconds, on_lease=on_lease)

    def renew(self, worker_id: UUID, leases_held: Sequence[Lease], *, lease_seconds: float) -> frozenset[UUID]:
        """Prolong leases by the database's clock; give the ids of jobs still held. Another's leases are left out."""
        own = [lease for lease in leases_held if lease.worker_id == worker_id]
        return leases.renew(self._work, own, lease_seconds=lease_seconds)

    def still_held(self, leases_held: Sequence[Lease]) -> frozenset[UUID]:
        """Tell which leases are live, without prolonging them; give the ids of their jobs."""
        return leases.still_held(self._work, leases_held)

    def hold(self, leases_held: Sequence[Lease]) -> None:
        """Keep others from changing these jobs until the commit: for who finishes, fails and releases some of each.

        Else two transactions that change the same jobs in several steps may each wait for the other.
        """
        holders.hold(self._work, leases_held)

    def finish(self, completions: Sequence[Completion]) -> frozenset[UUID]:
        """Store results and finish the jobs whose lease is live; give their ids. The others' results are dropped."""
        return finishing.finish(self._work, completions)

    def fail(self, failed: Sequence[FailedRun]) -> frozenset[UUID]:
        """Fail the jobs whose lease is live; give their ids."""
        return leases.fail(self._work, failed)

    def release(
        self,
        leases_held: Sequence[Lease],
        *,
        lose_attempt: bool,
        reason: Reason | None = None,
        message: str | None = None,
    ) -> frozenset[UUID]:
        """Put leased jobs back to pending; give their ids.

        With `lose_attempt` a job whose attempts are used up fails with WORKER_LOST. Without it the job is granted one
        more attempt in exchange.
        """
        return leases.release(self._work, leases_held, lose_attempt=lose_attempt, reason=reason, message=message)

    def cancel(self, job_id: UUID, identity: Identity, *, message: str | None = None) -> Job:
        """Stop a pending or running job at once. Raises NotFound, and Conflict where it is over."""
        if not self._cancel(job_id, identity, guards.STILL_OPEN, message=message):
            job = self.get(job_id, identity)
            raise Conflict(f"job {job_id} is over: it is {job.status}")
        Audit(self._work).record(identity, AuditAction.JOB_CANCELED, str(job_id))
        return self.get(job_id, identity)

    def delete(self, job_id: UUID, identity: Identity) -> None:
        """Remove a job and its results; history remembers it. Raises NotFound, and Conflict while it runs.

        A pending job is canceled first.
        """
        self._cancel(job_id, identity, guards.STILL_PENDING, message="deleted before it was started")
        condition = visible_to(identity)
        statement = delete(jobs).where(jobs.c.id == job_id, status_is(jobs.c.status, *sorted(FINAL_STATUSES)))
        if condition is not None:
            statement = statement.where(condition)
        if self._work.execute(statement).rowcount == 0:
            job = self.get(job_id, identity)
            raise Conflict(f"job {job_id} is {job.status}: cancel it before deleting it")
        Audit(self._work).record(identity, AuditAction.JOB_DELETED, str(job_id))
        self._work.announce(ChangeKind.ENDED, [job_id])

    def expire_leases(self) -> Sequence[UUID]:
        """Put back (or fail, when attempts are used up) the jobs whose worker stopped renewing; give their ids.

        At most BATCH at once.
        """
        return leases.expire_leases(self._work, limit=BATCH)

    def abandon_leases(self) -> Sequence[UUID]:
        """Put back all running jobs, for whoever knows that no worker lives; give their ids."""
        return leases.abandon_leases(self._work)

    def expire_waiting(self) -> Sequence[UUID]:
        """Fail waiting jobs whose latest start has passed, at most BATCH at once; give their ids."""
        return leases.expire_waiting(self._work, guards.IS_PENDING, limit=BATCH)

    def fail_orphans(self) -> Sequence[UUID]:
        """Fail waiting jobs whose plugin is no longer registered, at most BATCH of each plugin; give their ids."""
        return orphans.fail_orphans(self._work, limit=BATCH)

    def fail_waiting(self, plugin: str, reason: Reason, message: str) -> Sequence[UUID]:
        """Fail all waiting jobs of a plugin; give their ids."""
        move = moves.to_end(JobStatus.FAILED, reason=reason, message=message)
        failed: list[UUID] = []
        while batch := moves.make(self._work, move, guards.IS_PENDING, jobs.c.plugin == plugin, limit=BATCH):
            failed.extend(job.id for job in batch)
        return failed

    def set_waiting_reason(self, plugin: str, reason: Reason | None, message: str | None) -> None:
        """Say why a plugin's waiting jobs wait. It is no change of state, and makes no event."""
        same = jobs.c.reason.is_not_distinct_from(reason) & jobs.c.message.is_not_distinct_from(message)
        statement = update(jobs).where(guards.IS_PENDING, jobs.c.plugin == plugin, ~same)
        self._work.execute(statement.values(reason=reason, message=message))

    def _cancel(self, job_id: UUID, identity: Identity, state: guards.Guard, message: str | None) -> bool:
        condition = visible_to(identity)
        move = moves.to_end(JobStatus.CANCELED, reason=Reason.CANCELED_BY_USER, message=message, actor=identity.name)
        owned = () if condition is None else (condition,)
        return bool(moves.make(self._work, move, jobs.c.id == job_id, state, *owned))
