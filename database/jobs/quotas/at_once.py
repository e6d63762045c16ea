"""Quotas asked by the very statement that stores jobs: on PostgreSQL, and where numbers alone are bound.

Where they are passed, or were never counted, nothing is taken and nothing stored: then `admission` has the word.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Update,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import KeyedColumnElement

from database.arrays import Array
from database.jobs.quotas.admission import asked, quotas_of
from database.jobs.quotas.usage import sums
from database.records import NewJob
from database.tables import usage
from database.work import Parameters, as_arrays, given_rows
from qserver.quotas import Quotas
from qserver.settings import QuotaSettings

_LIMITS: Final = {
    "pending_at_most": "pending_jobs",
    "stored_at_most": "stored_results",
    "minute_submissions": "submissions_per_minute",
}
"""What bounds which number of a row."""

_ID: Final[KeyedColumnElement[object]] = column("id", Uuid())
_NUMBERS: Final[Sequence[KeyedColumnElement[object]]] = [
    column(name, BigInteger()) for name in ("jobs", *_LIMITS.values())
]
_ASKED: Final = (_ID, *_NUMBERS)


def asking(new_jobs: Sequence[NewJob], settings: QuotaSettings | None) -> Parameters | None:
    """Give the parameters of `held`; None where time or bytes are bound, which are measured from time to time."""
    rows: list[Parameters] = []
    if settings is not None:
        if settings.of_user.are_measured or settings.of_service.are_measured:
            return None
        rows.extend(_row(key, jobs, quotas_of(key, settings)) for key, jobs in asked(new_jobs, settings).items())
    return as_arrays("asked", [each.key for each in _ASKED], rows)


NOTHING_ASKED: Final = as_arrays("asked", [each.key for each in _ASKED], [])
"""The parameters of `held` where no quota is asked any more."""


def _row(key: UUID, jobs: int, quotas: Quotas) -> Parameters:
    return {"id": key, "jobs": jobs, **{limit: getattr(quotas, limit) for limit in _LIMITS.values()}}


def held() -> CTE:
    """Select the rows of those who ask, as they would be with these jobs, and keep them until the commit."""
    asked_rows = given_rows("asked", _ASKED)
    fit = (
        or_(asked_rows.c[limit] == 0, number <= asked_rows.c[limit])
        for name, number in sums(asked_rows.c.jobs).items()
        if (limit := _LIMITS.get(name))
    )
    rows = (
        select(usage.c.id, asked_rows.c.jobs, and_(*fit).label("fits"))
        .select_from(usage.join(asked_rows, asked_rows.c.id == usage.c.id))
        .order_by(usage.c.id)  # all transactions lock in the same order, so that none waits in a circle
        .with_for_update(of=usage)
    )
    return rows.cte("held")


def select_fits(rows: CTE) -> Select[bool]:
    """Tell whether all who ask have a row, and all their jobs fit; true where nobody asks."""
    number = func.cardinality(bindparam("asked_id", type_=Array(Uuid())))
    return select(and_(func.count() == number, func.coalesce(func.bool_and(rows.c.fits), True))).select_from(rows)


def taking(rows: CTE, fits: ColumnElement[bool]) -> Update:
    """Add the jobs to the rows where they fit."""
    return update(usage).values(sums(rows.c.jobs)).where(usage.c.id == rows.c.id, fits)
