"""A running job is a lease: how workers take one, keep it, and give it up."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Final
from uuid import UUID

from sqlalchemy import Float, RowMapping, Select, bindparam, or_, select, true, update

from database.durability import NOT_WAITED_FOR
from database.jobs import guards, moves
from database.jobs.claimed import claimed_from, select_claimed
from database.jobs.holders import Holder, by_holder, hold, of_itself, parted
from database.jobs.noise_models import with_noise_models
from database.jobs.pubs import with_pubs
from database.jobs.recording import Rows, circuit_of, first_pub_of, moved_by, recorded
from database.jobs.rows import named_pubs
from database.records import Claimant, ClaimedJob, FailedRun, Lease, OnLease
from database.tables import circuits, jobs
from database.types import SecondsFromNow
from database.work import Parameters, Work, is_given, is_not_given
from qserver.errors import Reason
from qserver.jobs import JobStatus


def claim(
    work: Work, job_ids: Sequence[UUID], claimant: Claimant, *, lease_seconds: float, on_lease: OnLease | None
) -> Sequence[ClaimedJob]:
    """Lease those of the jobs that wait and that the claimant may run; those that waited too long fail."""
    parameters: Parameters = {
        "claimant": claimant.worker_id,
        "lease_seconds": lease_seconds,
        "job_ids": work.given(job_ids),
        "routes": work.given(sorted(claimant.routes)),
        "most_memory_bytes": claimant.memory_bytes,
        "lacking_engines": work.given(sorted(claimant.lacking_engines)),
    }
    rows = _take(work, parameters, actor=str(claimant.worker_id))
    if on_lease is not None:
        on_lease([Lease(row["id"], claimant.worker_id, row["attempt"]) for row in rows])
    if len(rows) < len(set(job_ids)):
        expire_waiting(work, work.among(jobs.c.id, job_ids) & guards.STILL_PENDING)
    claimed = tuple(claimed_from(row, claimant.worker_id) for row in sorted(rows, key=itemgetter("pointer")))
    claimed = with_noise_models(work, claimed)
    return with_pubs(work, claimed) if any(each.job.request.num_pubs for each in claimed) else claimed


def _take(work: Work, parameters: Parameters, *, actor: str) -> Sequence[RowMapping]:
    """Move the jobs that may be claimed, and read what is needed to run them: on PostgreSQL by one statement."""
    if work.is_postgres:
        return work.execute_at_once(_claiming_and_reading(), {**parameters, "by_actor": actor})
    claimed = moves.run(work, _claiming(), parameters, to=JobStatus.RUNNING, actor=actor)
    if not claimed:
        return ()
    return work.execute(_reading(), {"job_ids": work.given([job.id for job in claimed])}).mappings().all()


@cache
def _claiming_and_reading() -> Select[Rows]:
    moved = moved_by(moves.guarded_update(_CLAIM, *_claimable(is_postgres=True)))
    pub = first_pub_of(moved)
    circuit = circuit_of(pub)
    not_waited_for = select(NOT_WAITED_FOR).cte("not_waited_for")
    claimed = moved.join(pub, true()).join(circuit, true()).join(not_waited_for, true())
    return recorded(select_claimed(moved, pub, circuit).select_from(claimed), moved, to=JobStatus.RUNNING)


@cache
def _claiming() -> moves.Statement:
    return moves.statement(_CLAIM, *_claimable(is_postgres=False), is_postgres=False)


@cache
def _reading() -> Select[Rows]:
    named = named_pubs(is_postgres=False)
    both = named.join(jobs, jobs.c.id == named.c.job_id).join(circuits, circuits.c.id == named.c.circuit_id)
    return select_claimed(jobs, named, circuits).select_from(both)


_CLAIM: Final = moves.to_running(bindparam("claimant"), lease_seconds=bindparam("lease_seconds", type_=Float()))


def _claimable(*, is_postgres: bool) -> Sequence[guards.Guard]:
    return (
        guards.STILL_PENDING,
        is_given(jobs.c.id, "job_ids", is_postgres=is_postgres),
        is_given(jobs.c.route, "routes", is_postgres=is_postgres),
        jobs.c.memory_bytes <= bindparam("most_memory_bytes"),
        or_(jobs.c.expires_at.is_(None), ~guards.HAS_EXPIRED),
        is_not_given(jobs.c.plugin, "lacking_engines", is_postgres=is_postgres),
    )


def expire_waiting(work: Work, pending: guards.Guard, *, limit: int | None = None) -> Sequence[UUID]:
    """Fail waiting jobs whose latest start has passed."""
    move = moves.to_end(
        JobStatus.FAILED, reason=Reason.EXPIRED, message="expires_at passed before a worker was free for the job"
    )
    expired = moves.make(work, move, pending, guards.HAS_EXPIRED, limit=limit)
    return [job.id for job in expired]


def renew(work: Work, leases: Sequence[Lease], *, lease_seconds: float) -> frozenset[UUID]:
    """Prolong those of the leases that are still live."""
    renewed: set[UUID] = set()
    for held in _each_held(work, leases):
        statement = (
            update(jobs)
            .where(jobs.c.pointer.in_(guards.locked(held, guards.LEASE_IS_LIVE)))
            .values(lease_expires_at=SecondsFromNow(lease_seconds))
            .returning(jobs.c.id)
        )
        renewed.update(work.execute(statement).scalars())
    return frozenset(renewed)


def fail(work: Work, failed: Sequence[FailedRun]) -> frozenset[UUID]:
    """Fail jobs whose lease is live."""
    by_cause: defaultdict[tuple[Reason, str], list[Lease]] = defaultdict(list)
    for run in failed:
        by_cause[run.reason, run.message].append(run.lease)
    if len(by_cause) > 1:
        hold(work, [run.lease for run in failed])
    ended: set[UUID] = set()
    for (reason, message), leases in by_cause.items():
        ended |= _end_live(work, leases, moves.to_end(JobStatus.FAILED, reason=reason, message=message))
    return frozenset(ended)


def _end_live(work: Work, leases: Sequence[Lease], move: moves.Move) -> frozenset[UUID]:
    ended: set[UUID] = set()
    for held in _each_held(work, leases):
        ended.update(job.id for job in moves.make(work, move, held, guards.LEASE_IS_LIVE))
    return frozenset(ended)


def release(
    work: Work, leases: Sequence[Lease], *, lose_attempt: bool, reason: Reason | None, message: str | None
) -> frozenset[UUID]:
    """Put leased jobs back; those that lose their last attempt fail."""
    if lose_attempt:
        hold(work, leases)
    released: set[UUID] = set()
    for held in _each_held(work, leases):
        released.update(_give_up(work, held, lose_attempt=lose_attempt, reason=reason, message=message))
    return frozenset(released)


def still_held(work: Work, leases: Sequence[Lease]) -> frozenset[UUID]:
    """Tell which of the leases are still their worker's, without prolonging them."""
    parts = (_held(work, *part) for part in by_holder(leases, of_itself))
    statements = (select(jobs.c.id).where(held, guards.LEASE_IS_LIVE) for held in parts)
    return frozenset(job_id for statement in statements for job_id in work.execute(statement).scalars())


def expire_leases(work: Work, *, limit: int) -> Sequence[UUID]:
    """Put back the jobs whose lease ran out; those that lose their last attempt fail."""
    lost = work.execute(guards.locked(guards.IS_RUNNING, guards.LEASE_IS_OVER, limit=limit)).scalars().all()
    if not lost:
        return ()
    message = "the worker stopped renewing its lease"
    meant = work.among(jobs.c.pointer, lost) & guards.STILL_RUNNING
    return _give_up(work, meant, lose_attempt=True, reason=Reason.WORKER_LOST, message=message)


def abandon_leases(work: Work) -> Sequence[UUID]:
    """Put back all running jobs. None loses an attempt: it was everything that was killed, not a worker by its job."""
    message = "the service that ran it was killed"
    return _give_up(work, guards.IS_RUNNING, lose_attempt=False, reason=Reason.WORKER_LOST, message=message)


def _give_up(
    work: Work, guard: guards.Guard, *, lose_attempt: bool, reason: Reason | None, message: str | None
) -> Sequence[UUID]:
    """Put jobs back, by two moves where they lose an attempt: the caller holds the jobs then."""
    lost: Sequence[moves.Moved] = ()
    attempts: tuple[guards.Guard, ...] = ()
    if lose_attempt:
        sentence = "no attempt is left" if message is None else f"{message}; no attempt is left"
        failure = moves.to_end(JobStatus.FAILED, reason=Reason.WORKER_LOST, message=sentence)
        lost = moves.make(work, failure, guard, ~guards.HAS_ATTEMPT_LEFT)
        attempts = (guards.HAS_ATTEMPT_LEFT,)
    back = moves.to_pending(reason=reason, message=message, actor=None, lose_attempt=lose_attempt)
    returned = moves.make(work, back, guard, *attempts)
    return [job.id for job in (*lost, *returned)]


def _each_held(work: Work, leases: Sequence[Lease]) -> Iterator[guards.Guard]:
    """Give a guard for each worker and attempt among the leases, for statements that change their jobs."""
    return (_held(work, *part) for part in parted(work, leases, of_itself))


def _held(work: Work, holder: Holder, leases: Sequence[Lease]) -> guards.Guard:
    return (
        guards.STILL_RUNNING
        & (jobs.c.worker_id == holder.worker_id)
        & (jobs.c.attempt == holder.attempt)
        & work.among(jobs.c.id, [lease.job_id for lease in leases])
    )
