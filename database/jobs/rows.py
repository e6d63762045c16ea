"""Jobs and events as values, out of rows."""

from typing import Final

from sqlalchemy import CTE, ColumnElement, Join, RowMapping, Select, and_, select

from database.documents import decode_request
from database.tables import history, job_events, jobs, pubs
from database.work import is_given
from qserver.errors import Reason
from qserver.identity import Identity
from qserver.jobs import Job, JobEvent, JobRequest, JobStatus

JOBS_WITH_PUB: Final[Join] = jobs.join(pubs, and_(pubs.c.job_id == jobs.c.id, pubs.c.pub_index == 0))
"""Jobs beside their one PUB, where circuit and inputs stand."""

_IS_FIRST_PUB: Final = pubs.c.pub_index + 0 == 0  # as a sum it serves no index, which would give the PUB of every job

SHARED_COLUMNS = (
    "pointer",
    "owner_id",
    "request",
    "plugin",
    "route",
    "status",
    "reason",
    "message",
    "attempt",
    "max_attempts",
    "submitted_at",
    "started_at",
    "finished_at",
    "event_sequence",
)
"""What a job has under the same name in `jobs` and in `history`."""

JOB_COLUMNS: Final = (jobs.c.id, pubs.c.circuit_id, pubs.c.inputs, *(jobs.c[name] for name in SHARED_COLUMNS))
HISTORY_COLUMNS: Final = (
    history.c.job_id.label("id"),
    history.c.circuit_id,
    history.c.inputs,
    *(history.c[name] for name in SHARED_COLUMNS),
)
"""The same job, as history remembers it."""


def select_jobs() -> Select[tuple[object, ...]]:
    """Select all that `job_from` reads."""
    return select(*JOB_COLUMNS).select_from(JOBS_WITH_PUB)


def named_pubs(*, is_postgres: bool) -> CTE:
    """Select the PUBs of the jobs that the parameter `job_ids` names, before anything is joined to them.

    PostgreSQL carries no list of keys from one table to another. Where its figures say that there are few PUBs, or
    circuits, it would begin with those, and read all there are.
    """
    named = select(pubs.c.job_id, pubs.c.circuit_id, pubs.c.inputs).where(
        is_given(pubs.c.job_id, "job_ids", is_postgres=is_postgres), _IS_FIRST_PUB
    )
    return named.cte("named").prefix_with("MATERIALIZED", dialect="postgresql")


def select_named(named: CTE) -> Select[tuple[object, ...]]:
    """Select all that `job_from` reads, of the jobs of `named_pubs`."""
    columns = (named.c.circuit_id, named.c.inputs, *(jobs.c[name] for name in ("id", *SHARED_COLUMNS)))
    return select(*columns).select_from(named.join(jobs, jobs.c.id == named.c.job_id))


def visible_to(identity: Identity) -> ColumnElement[bool] | None:
    """Give the condition that hides other people's jobs; None where nothing is hidden."""
    return None if identity.sees_everything else jobs.c.owner_id == identity.user_id


def job_from(row: RowMapping) -> Job:
    """Read a job."""
    return job_with(row, decode_request(row["request"], row["inputs"]))


def job_with(row: RowMapping, request: JobRequest) -> Job:
    """Read a job whose request has been read already."""
    return Job(
        id=row["id"],
        pointer=row["pointer"],
        owner_id=row["owner_id"],
        circuit_id=row["circuit_id"],
        request=request,
        plugin=row["plugin"],
        route=row["route"],
        status=JobStatus(row["status"]),
        reason=reason_from(row["reason"]),
        message=row["message"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        submitted_at=row["submitted_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        event_sequence=row["event_sequence"],
    )


def event_from(row: RowMapping) -> JobEvent:
    """Read an event."""
    return JobEvent(
        job_id=row["job_id"],
        sequence=row["sequence"],
        status=JobStatus(row["status"]),
        at=row["at"],
        reason=reason_from(row["reason"]),
        message=row["message"],
        actor=row["actor"],
        address=row["address"],
    )


def reason_from(word: str | None) -> Reason | None:
    """Read a reason."""
    return None if word is None else Reason(word)


EVENT_COLUMNS: Final = tuple(job_events.c)
