"""What there really is of jobs, results and time: of one owner, or of everybody where none is named.

What waits is found by the index that serves picks, an owner's part of it at a time; what is published, runs or was set
aside is little, and found as such.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Select, String, Uuid, bindparam, cast, func, select

from database.jobs.guards import IS_PENDING, IS_PUBLISHED, IS_RUNNING, IS_SET_ASIDE, IS_WAITING
from database.tables import history, jobs, results
from database.types import SecondsBetween, SecondsFromNow
from database.work import Work

DAY_SECONDS: Final = 86_400.0

_OWNER: Final = bindparam("owner_id", type_=Uuid())


def open_jobs(work: Work, owner_id: UUID | None) -> int:
    """Count jobs that are not over."""
    if owner_id is None:
        return sum(_counts(work, [select(func.count()).where(part) for part in (IS_PENDING, IS_RUNNING)], None))
    few = [select(func.count()).where(part, _is_owners_unindexed()) for part in (IS_SET_ASIDE, *_IN_FLIGHT)]
    return sum(_counts(work, [_waiting_of_owner(), *few], owner_id))


def jobs_in_flight(work: Work, owner_id: UUID) -> int:
    """Count jobs that a worker has, or is told of."""
    parts = [select(func.count()).where(part, _is_owners_unindexed()) for part in _IN_FLIGHT]
    return sum(_counts(work, parts, owner_id))


def stored_results(work: Work, owner_id: UUID | None) -> int:
    """Count jobs with a stored result."""
    statement = select(func.count()).select_from(results).where(results.c.pub_index == 0)
    return _counts(work, [statement if owner_id is None else _of_owner(statement)], owner_id)[0]


def stored_bytes(work: Work, owner_id: UUID | None) -> int:
    """Sum up the bytes of stored results."""
    statement = select(func.coalesce(func.sum(results.c.size_bytes), 0)).select_from(results)
    return _counts(work, [statement if owner_id is None else _of_owner(statement)], owner_id)[0]


def job_seconds(work: Work, owner_id: UUID | None) -> float:
    """Sum up how long jobs ran that ended within a day."""
    statement = select(func.coalesce(func.sum(_RAN_SECONDS), 0.0)).where(*_ended_today(owner_id))
    seconds: float = work.execute(statement, _given(owner_id)).scalar_one()
    return float(seconds)


def end_of_excess(work: Work, owner_id: UUID | None, *, excess_seconds: float) -> datetime | None:
    """Give when the job ended with which more than `excess_seconds`, counted from the oldest of the day, are gone."""
    summed = func.sum(_RAN_SECONDS).over(order_by=history.c.id)
    jobs_of_day = select(history.c.finished_at, summed.label("summed")).where(*_ended_today(owner_id)).subquery()
    first = select(func.min(jobs_of_day.c.finished_at)).where(jobs_of_day.c.summed > bindparam("excess_seconds"))
    parameters = {**_given(owner_id), "excess_seconds": excess_seconds}
    moment: datetime | None = work.execute(first, parameters).scalar_one()
    return moment


_IN_FLIGHT: Final = (IS_PUBLISHED, IS_RUNNING)
_RAN_SECONDS: Final = SecondsBetween(history.c.started_at, history.c.finished_at)


def _counts(work: Work, statements: Sequence[Select[int]], owner_id: UUID | None) -> Sequence[int]:
    row = work.execute(select(*(each.scalar_subquery() for each in statements)), _given(owner_id)).one()
    return [int(number) for number in row]


def _given(owner_id: UUID | None) -> dict[str, object]:
    return {} if owner_id is None else {"owner_id": owner_id}


def _is_owners_unindexed() -> ColumnElement[bool]:
    """Test the owner without their index: PostgreSQL, with figures of a quiet time, would read all they ever had."""
    return cast(jobs.c.owner_id, String) == cast(_OWNER, String)


def _waiting_of_owner() -> Select[int]:
    routes = _waiting_routes()
    of_route = select(func.count()).where(IS_WAITING, jobs.c.route == routes.c.route, jobs.c.owner_id == _OWNER)
    counted = of_route.correlate(routes).scalar_subquery()
    return select(func.coalesce(func.sum(counted), 0)).where(routes.c.route.is_not(None))


def _waiting_routes() -> CTE:
    """Select the routes on which jobs wait, leaping through `ix_jobs_waiting`: one look into it for each of them."""
    first = select(func.min(jobs.c.route).label("route")).where(IS_WAITING)
    routes = first.cte("routes", recursive=True)
    following = select(func.min(jobs.c.route)).where(IS_WAITING, jobs.c.route > routes.c.route).correlate(routes)
    return routes.union_all(select(following.scalar_subquery()).where(routes.c.route.is_not(None)))


def _of_owner(statement: Select[int]) -> Select[int]:
    return statement.join(jobs, jobs.c.id == results.c.job_id).where(jobs.c.owner_id == _OWNER)


def _ended_today(owner_id: UUID | None) -> Sequence[ColumnElement[bool]]:
    """Give the conditions of the day's history. An owner's rows are found by their numbers, which rise with time."""
    since = SecondsFromNow(-DAY_SECONDS)
    is_recent = history.c.finished_at > since
    if owner_id is None:
        return (is_recent,)
    day = history.alias("day")
    first_id = select(day.c.id).where(day.c.finished_at > since).order_by(day.c.finished_at).limit(1).scalar_subquery()
    return is_recent, history.c.id >= first_id, history.c.owner_id == _OWNER
