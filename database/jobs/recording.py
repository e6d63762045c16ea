"""What every move leaves behind: an event, history where the job is over, and an announcement.

PostgreSQL does all of it in the statement that moves the jobs. SQLite takes no update as a part of another statement:
there, rows are written from those that the move left.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, TypeAlias

from sqlalchemy import CTE, FromClause, Insert, Select, Update, bindparam, func, insert, select, union_all

from database.changes import ChangeKind
from database.jobs.rows import SHARED_COLUMNS, named_pubs, select_named
from database.postgres_feed import select_told
from database.tables import circuits, history, job_events, jobs, pubs
from database.types import Now
from database.work import is_given
from qserver.jobs import JobStatus

MOVED_COLUMNS: Final = ("id", *SHARED_COLUMNS, "program", "plan")
"""What statements that go on with moved jobs know of them."""

_EVENT_COLUMNS: Final = ("job_id", "sequence", "status", "at", "reason", "message", "actor")
_HISTORY_COLUMNS: Final = ("circuit_id", "inputs", "job_id", *SHARED_COLUMNS, "program")

Rows: TypeAlias = tuple[object, ...]


def moved_by(update: Update) -> CTE:
    """Give the rows that an update of jobs leaves, for a statement that goes on with them."""
    return update.returning(*(jobs.c[name] for name in MOVED_COLUMNS)).cte("moved")


def kinds_of(to: JobStatus) -> Sequence[ChangeKind]:
    """Give what is announced of jobs that were moved `to` a state. What finished is known to its worker, if any."""
    if not to.is_final:
        return [ChangeKind.JOBS]
    return [ChangeKind.ENDED] if to is JobStatus.FINISHED else [ChangeKind.ENDED, ChangeKind.STOPPED]


def recorded(query: Select[Rows], moved: CTE, *, to: JobStatus) -> Select[Rows]:
    """Have a query also write what was moved `to` a state: events, by whom its parameter `by_actor` says, and history.

    It announces the jobs too.
    """
    events = insert(job_events).from_select(_EVENT_COLUMNS, _select_events(moved), include_defaults=False)
    told = union_all(*(select_told(kind, moved) for kind in kinds_of(to))).cte("told")
    # Told of nobody where none reads it.
    query = query.add_cte(events.cte("events")).where(select(func.count()).select_from(told).scalar_subquery() >= 0)
    if not to.is_final:
        return query
    pub = first_pub_of(moved)
    rows = select(pub.c.circuit_id, pub.c.inputs, *(moved.c[name] for name in ("id", *SHARED_COLUMNS, "program")))
    ended = rows.select_from(moved.join(pub, pub.c.job_id == moved.c.id)).order_by(moved.c.pointer)
    return query.add_cte(insert(history).from_select(_HISTORY_COLUMNS, ended, include_defaults=False).cte("ended"))


def first_pub_of(moved: FromClause) -> FromClause:
    """Find the PUB of each moved job by its key.

    As a lateral query with a limit it can't be made part of a join, for which PostgreSQL might read all PUBs there are.
    """
    return select(pubs).where(pubs.c.job_id == moved.c.id, pubs.c.pub_index == 0).limit(1).lateral("pub")


def circuit_of(pub: FromClause) -> FromClause:
    """Find the circuit of each PUB by its key, in the same way."""
    return select(circuits).where(circuits.c.id == pub.c.circuit_id).limit(1).lateral("circuit")


@cache
def events_of_moved() -> Insert:
    """Write the events of the jobs whose pointers the parameter `pointers` holds: for SQLite."""
    rows = _select_events(jobs).where(is_given(jobs.c.pointer, "pointers", is_postgres=False))
    return insert(job_events).from_select(_EVENT_COLUMNS, rows, include_defaults=False)


@cache
def history_of_ended() -> Insert:
    """Write the history of the jobs whose ids the parameter `job_ids` holds: for SQLite."""
    rows = select_named(named_pubs(is_postgres=False)).add_columns(jobs.c.program).order_by(jobs.c.pointer)
    return insert(history).from_select(_HISTORY_COLUMNS, rows, include_defaults=False)


def _select_events(moved: FromClause) -> Select[Rows]:
    job = moved.c
    # A pending job has neither end nor start.
    moment = func.coalesce(job.finished_at, job.started_at, Now())
    actor = bindparam("by_actor", type_=job_events.c.actor.type)
    return select(job.id, job.event_sequence, job.status, moment, job.reason, job.message, actor)
