"""Every change of a job's state, as guarded updates.

A move locks the rows that it means in the order of their pointers (so that two transactions never wait for each other
in a circle), changes those that still satisfy its guard, writes their events, and their history where they are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, literal, null, select, update

from database.changes import ChangeKind
from database.jobs.guards import Guard, locked
from database.jobs.rows import SHARED_COLUMNS, named_pubs, select_named
from database.tables import history, job_events, jobs
from database.types import Now, SecondsFromNow
from database.work import Work
from qserver.errors import Reason
from qserver.jobs import JobStatus


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


def to_running(worker_id: UUID, *, lease_seconds: float) -> Move:
    """Give the move of a claim."""
    values = {
        "worker_id": worker_id,
        "lease_expires_at": SecondsFromNow(lease_seconds),
        "attempt": jobs.c.attempt + 1,
        "started_at": Now(),
        **_NOT_IN_LINE,
    }
    return Move(JobStatus.RUNNING, actor=str(worker_id), values=values)


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
    statement = (
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
    moved = [Moved(row["id"], row["pointer"]) for row in work.execute(statement).mappings()]
    if moved:
        _record(work, move, moved)
    return sorted(moved, key=lambda job: job.pointer)


def _record(work: Work, move: Move, moved: Sequence[Moved]) -> None:
    pointers = [job.pointer for job in moved]
    _write_events(work, pointers, actor=move.actor)
    if move.to.is_final:
        _write_history(work, [job.id for job in moved])
    work.announce(ChangeKind.JOBS, [job.id for job in moved])
    # Waiting work appeared, or room for it did.
    work.announce(ChangeKind.WORK)


def _write_events(work: Work, pointers: Sequence[int], *, actor: str | None) -> None:
    # A pending job has neither end nor start.
    moment = func.coalesce(jobs.c.finished_at, jobs.c.started_at, Now())
    columns = (jobs.c.id, jobs.c.event_sequence, jobs.c.status, moment, jobs.c.reason, jobs.c.message)
    rows = select(*columns, null() if actor is None else literal(actor)).where(work.among(jobs.c.pointer, pointers))
    names = ["job_id", "sequence", "status", "at", "reason", "message", "actor"]
    work.execute(insert(job_events).from_select(names, rows, include_defaults=False))


def _write_history(work: Work, job_ids: Sequence[UUID]) -> None:
    rows = select_named(named_pubs(work, job_ids)).add_columns(jobs.c.program).order_by(jobs.c.pointer)
    names = ["circuit_id", "inputs", "job_id", *SHARED_COLUMNS, "program"]
    work.execute(insert(history).from_select(names, rows, include_defaults=False))
