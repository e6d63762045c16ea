"""The row of a user, or of the service, in which its use of quotas is kept. Who writes it holds it until the commit.

Numbers of jobs and results are kept as upper bounds: they grow with each submission, and are counted anew when they
pass a quota. So nobody who claims, ends or removes jobs needs to know of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Insert, RowMapping, case, update

from database.tables import usage
from database.types import Now, SecondsFromNow
from database.work import BeginInsert, Work

SERVICE: Final = UUID(int=0)
"""The row of all users together."""

MINUTE_SECONDS: Final = 60.0
_UNCOUNTED: Final = 2**60
"""Part of a bound that was never counted: it passes every quota, so that it is counted when first needed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a user has, at most."""

    id: UUID
    pending_at_most: int
    pending_counted_at: datetime | None
    stored_at_most: int
    stored_counted_at: datetime | None
    minute_submissions: int
    minute_at: datetime
    job_seconds: float
    job_seconds_until: datetime | None
    stored_bytes: int
    measured_at: datetime | None

    def plus(self, jobs: int) -> "Usage":
        """Give what it is with so many more jobs submitted, or less where the number is negative."""
        return replace(
            self,
            pending_at_most=self.pending_at_most + jobs,
            stored_at_most=self.stored_at_most + jobs,
            minute_submissions=self.minute_submissions + jobs,
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows that are held, and the moment by the database's clock."""

    usages: Mapping[UUID, Usage]
    now: datetime


def take(work: Work, jobs: Mapping[UUID, int]) -> Taken:
    """Add so many submitted jobs to each row, and give the rows as they are then, held until the commit."""
    # All transactions lock in the same order, so that none waits in a circle.
    rows = [
        {
            "id": key,
            "pending_at_most": _UNCOUNTED + jobs[key],
            "stored_at_most": _UNCOUNTED + jobs[key],
            "minute_submissions": jobs[key],
            "job_seconds": 0.0,
            "stored_bytes": 0,
        }
        for key in sorted(jobs)
    ]
    found = work.insert_rows(_adding(work.insert), rows)
    return Taken({row["id"]: _usage_from(row) for row in found}, now=found[0]["now"])


def put(work: Work, usages: Sequence[Usage]) -> None:
    """Write rows that `take` gave."""
    names = [field.name for field in fields(Usage)]
    work.insert_rows(_writing(work.insert), [{name: getattr(each, name) for name in names} for each in usages])


def forget(work: Work, key: UUID | None = None) -> None:
    """Have everything counted anew, of everybody where nobody is named: something may have gone uncounted."""
    bounds: dict[str, object] = dict.fromkeys(["pending_at_most", "stored_at_most"], _UNCOUNTED)
    counted: dict[str, object] = dict.fromkeys(["pending_counted_at", "stored_counted_at"])
    statement = update(usage).values({**bounds, **counted})
    work.execute(statement if key is None else statement.where(usage.c.id == key))


@cache
def _adding(begin: BeginInsert) -> Insert:
    insert = begin(usage)
    added = sums(insert.excluded.minute_submissions)
    return insert.on_conflict_do_update(index_elements=["id"], set_=added).returning(*usage.c, Now().label("now"))


def sums(jobs: ColumnElement[int]) -> Mapping[str, ColumnElement[int] | ColumnElement[datetime]]:
    """Give what a row holds with so many more jobs submitted, by the names of its columns."""
    is_another_minute = usage.c.minute_at <= SecondsFromNow(-MINUTE_SECONDS)
    return {
        "pending_at_most": usage.c.pending_at_most + jobs,
        "stored_at_most": usage.c.stored_at_most + jobs,
        "minute_submissions": jobs + case((is_another_minute, 0), else_=usage.c.minute_submissions),
        "minute_at": case((is_another_minute, Now()), else_=usage.c.minute_at),
    }


@cache
def _writing(begin: BeginInsert) -> Insert:
    insert = begin(usage)
    names = [field.name for field in fields(Usage) if field.name != "id"]
    return insert.on_conflict_do_update(index_elements=["id"], set_={name: insert.excluded[name] for name in names})


def _usage_from(row: RowMapping) -> Usage:
    return Usage(**{field.name: row[field.name] for field in fields(Usage)})
