"""Every change of a job's state, as guarded updates.

A move locks the rows that it means in the order of their pointers (so that two transactions never wait for each other
in a circle), changes those that still satisfy its guard, writes their events, and their history where they are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import BindParameter, Insert, bindparam, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from database.changes import ChangeKind
from database.jobs.guards import Guard, locked
from database.jobs.rows import SHARED_COLUMNS, named_pubs, select_named
from database.tables import history, job_events, jobs
from database.types import Now, SecondsFromNow
from database.work import Parameters, Work, is_given
from qserver.errors import Reason
from qserver.jobs import JobStatus

Statement: TypeAlias = ReturningUpdate[UUID, int]
"""A guarded update that gives the ids and pointers of the jobs that it moved."""


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
    return run(work, statement(move, *guards, limit=limit), {}, to=move.to, actor=move.actor)


def statement(move: Move, *guards: Guard, limit: int | None = None) -> Statement:
    """Write the statement of a move, to be run once, or kept and run by its parameters."""
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
        .returning(jobs.c.id, jobs.c.pointer)
    )


def run(work: Work, move: Statement, parameters: Parameters, *, to: JobStatus, actor: str | None) -> Sequence[Moved]:
    """Run the statement of a move `to` a state, and record it; give the jobs that were moved, oldest first."""
    moved = [Moved(row["id"], row["pointer"]) for row in work.execute(move, parameters).mappings()]
    if moved:
        _record(work, moved, to=to, actor=actor)
    return sorted(moved, key=lambda job: job.pointer)


def _record(work: Work, moved: Sequence[Moved], *, to: JobStatus, actor: str | None) -> None:
    pointers = work.given([job.pointer for job in moved])
    work.execute(_write_events(is_postgres=work.is_postgres), {"pointers": pointers, "by_actor": actor})
    job_ids = [job.id for job in moved]
    if to.is_final:
        work.execute(_write_history(is_postgres=work.is_postgres), {"job_ids": work.given(job_ids)})
    work.announce(ChangeKind.ENDED if to.is_final else ChangeKind.JOBS, job_ids)
    if to is JobStatus.PENDING:
        work.announce(ChangeKind.WORK)


@cache
def _write_events(*, is_postgres: bool) -> Insert:
    # A pending job has neither end nor start.
    moment = func.coalesce(jobs.c.finished_at, jobs.c.started_at, Now())
    actor = bindparam("by_actor", type_=job_events.c.actor.type)
    columns = (jobs.c.id, jobs.c.event_sequence, jobs.c.status, moment, jobs.c.reason, jobs.c.message, actor)
    rows = select(*columns).where(is_given(jobs.c.pointer, "pointers", is_postgres=is_postgres))
    names = ["job_id", "sequence", "status", "at", "reason", "message", "actor"]
    return insert(job_events).from_select(names, rows, include_defaults=False)


@cache
def _write_history(*, is_postgres: bool) -> Insert:
    rows = select_named(named_pubs(is_postgres=is_postgres)).add_columns(jobs.c.program).order_by(jobs.c.pointer)
    names = ["circuit_id", "inputs", "job_id", *SHARED_COLUMNS, "program"]
    return insert(history).from_select(names, rows, include_defaults=False)
