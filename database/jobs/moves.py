"""Every change of a job's state, as guarded updates.

A move locks the rows that it means in the order of their pointers (so that two transactions never wait for each other
in a circle), changes those that still satisfy its guard, writes their events, and their history where they are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import BindParameter, Update, select, update
from sqlalchemy.sql.base import Executable

from database.changes import ChangeKind
from database.jobs.guards import Guard, locked
from database.jobs.recording import events_of_moved, history_of_ended, kinds_of, moved_by, recorded
from database.tables import jobs
from database.types import Now, SecondsFromNow
from database.work import Parameters, Work
from qserver.errors import Reason
from qserver.jobs import JobStatus

Statement: TypeAlias = Executable
"""A guarded update, with what records it on PostgreSQL, that gives the ids and pointers of the jobs that it moved."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state: what is set, why, and by whom."""

    to: JobStatus
    reason: Reason | None = None
    message: str | None = None
    actor: str | None = None
    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moved:
    """A job that was moved."""

    id: UUID
    pointer: int


def to_running(worker_id: BindParameter[UUID], *, lease_seconds: BindParameter[float]) -> Move:
    """Give the move of a claim, by the worker and for the time that parameters will hold."""
    values = {
        "worker_id": worker_id,
        "lease_expires_at": SecondsFromNow(lease_seconds),
        "attempt": jobs.c.attempt + 1,
        "started_at": Now(),
        **_NOT_IN_LINE,
    }
    return Move(JobStatus.RUNNING, values=values)


def to_pending(*, reason: Reason | None, message: str | None, actor: str | None, lose_attempt: bool) -> Move:
    """Give the move of a job that waits again. One that loses no attempt gets another one: `attempt` never falls.

    If it did, two claims of one worker could look the same, and a result of the first pass for one of the second.
    """
    values: dict[str, object] = {**_WITHOUT_LEASE, "started_at": None}
    if not lose_attempt:
        values["max_attempts"] = jobs.c.max_attempts + 1
    return Move(JobStatus.PENDING, reason, message, actor, values)


def to_end(
    status: JobStatus, *, reason: Reason | None = None, message: str | None = None, actor: str | None = None
) -> Move:
    """Give a last move."""
    return Move(status, reason, message, actor, {**_WITHOUT_LEASE, "finished_at": Now()})


_NOT_IN_LINE: Final[dict[str, object]] = {"published_at": None, "set_aside_at": None}
_WITHOUT_LEASE: Final[dict[str, object]] = {"worker_id": None, "lease_expires_at": None, **_NOT_IN_LINE}


def make(work: Work, move: Move, *guards: Guard, limit: int | None = None) -> Sequence[Moved]:
    """Move all jobs that satisfy the guards, the oldest `limit` of them; give those that were moved, oldest first."""
    made = statement(move, *guards, limit=limit, is_postgres=work.is_postgres)
    return run(work, made, {}, to=move.to, actor=move.actor)


def statement(move: Move, *guards: Guard, limit: int | None = None, is_postgres: bool) -> Statement:
    """Write the statement of a move, to be run once, or kept and run by its parameters."""
    guarded = guarded_update(move, *guards, limit=limit)
    if not is_postgres:
        return guarded.returning(jobs.c.id, jobs.c.pointer)
    moved = moved_by(guarded)
    return recorded(select(moved.c.id, moved.c.pointer), moved, to=move.to)


def guarded_update(move: Move, *guards: Guard, limit: int | None = None) -> Update:
    """Write the update of a move alone: whoever makes a statement of it has that record what was moved."""
    return (
        update(jobs)
        .where(jobs.c.pointer.in_(locked(*guards, limit=limit)))
        .values(
            status=move.to,
            reason=move.reason,
            message=move.message,
            event_sequence=jobs.c.event_sequence + 1,
            **move.values,
        )
    )


def run(work: Work, move: Statement, parameters: Parameters, *, to: JobStatus, actor: str | None) -> Sequence[Moved]:
    """Run the statement of a move `to` a state, and announce it; give the jobs that were moved, oldest first."""
    given = {**parameters, "by_actor": actor} if work.is_postgres else parameters
    moved = [Moved(job_id, pointer) for job_id, pointer in work.execute(move, given).all()]
    if moved and not work.is_postgres:
        _record(work, moved, to=to, actor=actor)
    if moved and to is JobStatus.PENDING:
        work.announce(ChangeKind.WORK)
    return sorted(moved, key=lambda job: job.pointer)


def _record(work: Work, moved: Sequence[Moved], *, to: JobStatus, actor: str | None) -> None:
    job_ids = [job.id for job in moved]
    for kind in kinds_of(to):
        work.announce(kind, job_ids)
    pointers = work.given([job.pointer for job in moved])
    work.execute(events_of_moved(), {"pointers": pointers, "by_actor": actor})
    if to.is_final:
        work.execute(history_of_ended(), {"job_ids": work.given(job_ids)})
