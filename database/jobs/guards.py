"""Conditions that a change of a job tests in the statement that makes it.

There are two kinds. Where jobs are searched by their state, the IS_ conditions let the partial index of that state find
them. Where jobs are named by key, the STILL_ conditions test the state and serve no index: PostgreSQL, whose figures of
so lively a table are never right, may else believe that nothing waits, and read all that does to find the few it wants.
"""

from typing import Final, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, select

from database.tables import jobs
from database.types import Now
from database.work import status_is
from qserver.jobs import JobStatus

Guard: TypeAlias = ColumnElement[bool]

IS_PENDING: Final = status_is(jobs.c.status, JobStatus.PENDING)
IS_RUNNING: Final = status_is(jobs.c.status, JobStatus.RUNNING)
# Such a job is pending by constraint. With the status in the condition PostgreSQL may read all that is pending instead.
IS_PUBLISHED: Final[Guard] = jobs.c.published_at.is_not(None)
IS_WAITING: Final[Guard] = and_(IS_PENDING, jobs.c.published_at.is_(None), jobs.c.set_aside_at.is_(None))
IS_SET_ASIDE: Final[Guard] = jobs.c.set_aside_at.is_not(None)

_UNINDEXED_STATUS: Final = jobs.c.status.concat("")
STILL_PENDING: Final = _UNINDEXED_STATUS == JobStatus.PENDING
STILL_RUNNING: Final = _UNINDEXED_STATUS == JobStatus.RUNNING
STILL_OPEN: Final = _UNINDEXED_STATUS.in_([JobStatus.PENDING, JobStatus.RUNNING])
STILL_WAITING: Final = and_(STILL_PENDING, jobs.c.published_at.is_(None))

LEASE_IS_LIVE: Final = jobs.c.lease_expires_at > Now()
LEASE_IS_OVER: Final = jobs.c.lease_expires_at <= Now()
HAS_ATTEMPT_LEFT: Final = jobs.c.attempt < jobs.c.max_attempts
HAS_EXPIRED: Final = jobs.c.expires_at <= Now()


def locked(*guards: Guard, limit: int | None = None) -> Select[int]:
    """Select the pointers of the jobs that satisfy the guards, and lock them, in the one order that all keep to.

    Whoever waited for a lock tests the guards again on what the other left behind. So a statement that changes
    `jobs.c.pointer.in_(locked(...))` needs no guard of its own.
    """
    return select(jobs.c.pointer).where(*guards).order_by(jobs.c.pointer).limit(limit).with_for_update()
