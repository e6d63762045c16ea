"""Who runs next, as SELECTs: by priority, then turn by turn between owners, then by age.

Two facts keep the cost of a pick from growing with the number of waiting jobs. Owners with work are found by leaping
through the index `ix_jobs_waiting` from one to the next, not by reading their jobs. And at most `limit` owners can be
served by a pick of `limit` jobs: those whose first job comes earliest. Of each, at most `limit` are read.
"""

from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    func,
    select,
    true,
)

from database.tables import dispatch_turns, jobs
from database.work import is_not_given, status_is
from qserver.jobs import JobStatus

_ROUTE: Final = bindparam("route", type_=String())
_LIMIT: Final = bindparam("limit", type_=Integer())
_MEMORY: Final = bindparam("memory_bytes", type_=BigInteger())

BATCH: Final = 1000
"""Jobs that are set aside, or come back, by one statement."""


@cache  # it takes longer to build than to run
def candidates(*, lateral: bool, without_full_owners: bool = False) -> Select[int, UUID, float, int]:
    """Select the next `limit` jobs of `route` in order. Without `lateral` in a form that SQLite knows.

    `without_full_owners` leaves those out whom the parameter `full_owners` names.
    """
    owners = _first_owners(lateral=lateral, without_full_owners=without_full_owners)
    waiting, condition = _waiting_of(owners, lateral=lateral)
    turn = func.row_number().over(partition_by=(waiting.c.owner_id, waiting.c.precedence), order_by=waiting.c.pointer)
    return (
        select(waiting.c.pointer, waiting.c.owner_id, waiting.c.estimated_seconds, waiting.c.memory_bytes)
        .select_from(owners.join(waiting, condition))
        .order_by(waiting.c.precedence, turn, owners.c.last_turn, waiting.c.pointer)
        .limit(_LIMIT)
    )


@cache
def too_large(*, lateral: bool) -> Select[int]:
    """Select some of the next `limit` jobs of each owner that need more than `memory_bytes`, in no order."""
    owners = _first_owners(lateral=lateral)
    waiting, condition = _waiting_of(owners, lateral=lateral)
    return (
        select(waiting.c.pointer)
        .select_from(owners.join(waiting, condition))
        .where(waiting.c.memory_bytes > _MEMORY)
        .limit(BATCH)
    )


def _first_owners(*, lateral: bool, without_full_owners: bool = False) -> FromClause:
    """Select the owners whose first job comes earliest: no other owner's job can be among the first `limit`."""
    heads = _heads()
    may_be_picked = (
        is_not_given(heads.c.owner_id, "full_owners", is_postgres=lateral) if without_full_owners else true()
    )
    last_turn = func.coalesce(dispatch_turns.c.last_turn, 0)
    same = and_(dispatch_turns.c.route == _ROUTE, dispatch_turns.c.owner_id == heads.c.owner_id)
    return (
        select(heads.c.owner_id, last_turn.label("last_turn"))
        .select_from(heads.outerjoin(dispatch_turns, same))
        .where(may_be_picked)
        .order_by(heads.c.precedence, last_turn, heads.c.pointer)
        .limit(_LIMIT)
        .subquery("owners")
    )


def _heads() -> CTE:
    """Select each owner's first waiting job, leaping from owner to owner: one look into the index for each."""
    head = jobs.alias("head")
    columns = (head.c.owner_id, head.c.precedence, head.c.pointer)
    heads = select(*columns).where(head.c.pointer == _first_pointer()).cte("heads", recursive=True)
    following = head.c.pointer == _first_pointer(after=heads.c.owner_id)
    return heads.union_all(select(*columns).select_from(heads.join(head, following)))


def _first_pointer(after: ColumnElement[UUID] | None = None) -> ScalarSelect[int]:
    first = jobs.alias("first")
    statement = (
        select(first.c.pointer)
        .where(*_waits(first))
        .order_by(first.c.owner_id, first.c.precedence, first.c.pointer)
        .limit(1)
    )
    return (statement if after is None else statement.where(first.c.owner_id > after)).scalar_subquery()


def _waiting_of(owners: FromClause, *, lateral: bool) -> tuple[FromClause, ColumnElement[bool]]:
    """Give the first `limit` jobs of each owner, and the condition that joins them to their owner."""
    waiting = jobs.alias("waiting")
    first = (
        select(
            waiting.c.pointer,
            waiting.c.owner_id,
            waiting.c.precedence,
            waiting.c.estimated_seconds,
            waiting.c.memory_bytes,
        )
        .where(*_waits(waiting), waiting.c.owner_id == owners.c.owner_id)
        .order_by(waiting.c.precedence, waiting.c.pointer)
        .limit(_LIMIT)
        .correlate(owners)
    )
    if lateral:
        return first.lateral("first_jobs"), true()
    first_jobs = jobs.alias("first_jobs")
    return first_jobs, first_jobs.c.pointer.in_(first.with_only_columns(waiting.c.pointer))


def _waits(table: FromClause) -> tuple[ColumnElement[bool], ...]:
    return (
        status_is(table.c.status, JobStatus.PENDING),
        table.c.published_at.is_(None),
        table.c.set_aside_at.is_(None),
        table.c.route == _ROUTE,
    )
