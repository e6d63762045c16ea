"""How a run's results get in: with the end of their jobs, and only of those whose lease is live."""

from collections.abc import Sequence
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Select, bindparam, insert, select

from database.jobs import guards, moves
from database.jobs.holders import Holder, parted
from database.jobs.recording import Rows, moved_by, recorded
from database.records import Completion, Lease
from database.results import ResultRows, result_rows, store_arrays, store_results
from database.tables import jobs, results
from database.work import Parameters, Work, as_arrays, given_rows, is_given
from qserver.jobs import JobStatus

_RESULT_COLUMNS: Final = ("id", "job_id", "pub_index", "document", "size_bytes", "attempt")


def finish(work: Work, completions: Sequence[Completion]) -> frozenset[UUID]:
    """Finish the jobs whose lease is live, and store their results; give the jobs' ids."""
    finish_held = _finish_at_once if work.is_postgres else _finish
    finished: set[UUID] = set()
    for holder, held in parted(work, completions, _lease_of):
        finished |= finish_held(work, holder, held)
    return frozenset(finished)


def _lease_of(completion: Completion) -> Lease:
    return completion.lease


def _finish_at_once(work: Work, holder: Holder, completions: Sequence[Completion]) -> set[UUID]:
    """By one statement on PostgreSQL, where no result has arrays."""
    rows = result_rows(completions)
    parameters = {
        **_held(work, holder, completions),
        **as_arrays("new", _RESULT_COLUMNS, rows.results),
        "by_actor": None,
    }
    if rows.arrays:
        ended = work.execute(_finishing_and_storing(), parameters).mappings().all()
    else:
        ended = work.execute_at_once(_finishing_and_storing(), parameters)
    finished: set[UUID] = {row["id"] for row in ended}
    store_arrays(work, _arrays_of(finished, rows))
    return finished


def _arrays_of(finished: set[UUID], rows: ResultRows) -> Sequence[Parameters]:
    stored = {row["id"] for row in rows.results if row["job_id"] in finished}
    return [row for row in rows.arrays if row["result_id"] in stored]


def _finish(work: Work, holder: Holder, completions: Sequence[Completion]) -> set[UUID]:
    ended = moves.run(work, _finishing(), _held(work, holder, completions), to=JobStatus.FINISHED, actor=None)
    finished = {job.id for job in ended}
    store_results(work, [done for done in completions if done.lease.job_id in finished])
    return finished


def _held(work: Work, holder: Holder, completions: Sequence[Completion]) -> Parameters:
    job_ids = work.given([done.lease.job_id for done in completions])
    return {"holder": holder.worker_id, "held_attempt": holder.attempt, "job_ids": job_ids}


@cache
def _finishing_and_storing() -> Select[Rows]:
    moved = moved_by(moves.guarded_update(moves.to_end(JobStatus.FINISHED), *_finishable(is_postgres=True)))
    new = given_rows("new", [results.c[name] for name in _RESULT_COLUMNS])
    rows = select(*new.c).select_from(new.join(moved, moved.c.id == new.c.job_id))
    stored = insert(results).from_select(_RESULT_COLUMNS, rows)
    return recorded(select(moved.c.id), moved, to=JobStatus.FINISHED).add_cte(stored.cte("stored"))


@cache
def _finishing() -> moves.Statement:
    return moves.statement(moves.to_end(JobStatus.FINISHED), *_finishable(is_postgres=False), is_postgres=False)


def _finishable(*, is_postgres: bool) -> Sequence[guards.Guard]:
    return (
        guards.STILL_RUNNING,
        jobs.c.worker_id == bindparam("holder"),
        jobs.c.attempt == bindparam("held_attempt"),
        is_given(jobs.c.id, "job_ids", is_postgres=is_postgres),
        guards.LEASE_IS_LIVE,
    )
