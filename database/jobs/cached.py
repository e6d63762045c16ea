"""New jobs that the stored result of an equal one answers: they are over in the transaction that stores them.

They make the same moves as every job, so that events, history and announcements are the same too.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Insert,
    Select,
    String,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    type_coerce,
)

from database.jobs import guards, moves
from database.jobs.reading import jobs_or_history
from database.result_documents import RUN_END, copied_run_end
from database.tables import jobs, result_arrays, results
from database.types import Now
from database.work import Parameters, Work, as_arrays, as_json, given_rows, is_given, status_is
from qserver.ids import new_id
from qserver.jobs import Job, JobStatus
from qserver.settings import MIB

MOST_COPIED_BYTES: Final = 128 * MIB
"""Results that one transaction copies: it holds up those that share it. Jobs that ask for more are run."""

_ACTOR: Final = "cache"
_NO_WORKER: Final = UUID(int=0)
"""Stands where the worker's id does while such a job runs, which nobody ever sees."""
_LEASE_SECONDS: Final = 60.0


class _Copy(NamedTuple):
    """A result to be copied: the copy's id and job, what is copied, and how the copy's document ends."""

    id: UUID
    job_id: UUID
    source_id: UUID
    run_end: str


class _Source(NamedTuple):
    """A stored result of an equal job."""

    id: UUID
    job_id: UUID
    size_bytes: int


def answer(work: Work, job_ids: Sequence[UUID]) -> Mapping[UUID, Job]:
    """Finish those of the new jobs that an equal job's result answers; give them. The others go on waiting."""
    copies = _find(work, job_ids) if job_ids else ()
    if not copies:
        return {}
    _store(work, copies)
    answered = list(dict.fromkeys(copy.job_id for copy in copies))
    _finish(work, answered)
    return jobs_or_history(work, answered)


def _find(work: Work, job_ids: Sequence[UUID]) -> Sequence[_Copy]:
    rows = work.execute(_newest_equal(is_postgres=work.is_postgres), {"job_ids": work.given(job_ids)}).mappings()
    equal: dict[UUID, UUID] = {row["id"]: row["equal_id"] for row in rows if row["equal_id"] is not None}
    sources = _hold(work, sorted(set(equal.values()))) if equal else {}
    wanted = [(job_id, sources[equal[job_id]]) for job_id in job_ids if equal.get(job_id) in sources]
    return [
        _Copy(new_id(), job_id, source.id, copied_run_end(source.job_id))
        for job_id, source in _first_of(wanted, most_bytes=MOST_COPIED_BYTES)
    ]


@cache
def _newest_equal(*, is_postgres: bool) -> Select[tuple[UUID, UUID | None]]:
    """Select for each new job the finished one that equals it and was started last.

    That one alone is looked at: where its result was removed for age, the others' were before. Jobs that wait or run
    don't count: nobody waits for them. No other index serves the conditions, nor the order: with figures of a time
    with few jobs, PostgreSQL would take one that does and read all there is of an owner, or all that wait.
    """
    equal = jobs.alias("equal")
    newest = (
        select(equal.c.id)
        .where(
            cast(equal.c.owner_id, String) == cast(jobs.c.owner_id, String),  # as text it serves no index
            equal.c.cache_key == jobs.c.cache_key,
            status_is(equal.c.status, JobStatus.FINISHED),
        )
        .order_by(equal.c.started_at.desc())
        .limit(1)
        .correlate(jobs)
        .scalar_subquery()
    )
    return select(jobs.c.id, newest.label("equal_id")).where(is_given(jobs.c.id, "job_ids", is_postgres=is_postgres))


def _hold(work: Work, job_ids: Sequence[UUID]) -> Mapping[UUID, _Source]:
    rows = work.execute(_held_results(is_postgres=work.is_postgres), {"job_ids": work.given(job_ids)}).mappings()
    return {row["job_id"]: _Source(**row) for row in rows}


@cache
def _held_results(*, is_postgres: bool) -> Select[tuple[UUID, UUID, int]]:
    """Select results and keep them until the end of the transaction. Whoever is just removing one is not waited for."""
    return (
        select(results.c.id, results.c.job_id, results.c.size_bytes)
        .where(is_given(results.c.job_id, "job_ids", is_postgres=is_postgres), results.c.pub_index == 0)
        .with_for_update(read=True, key_share=True, skip_locked=True)
    )


def _first_of(wanted: Sequence[tuple[UUID, _Source]], *, most_bytes: int) -> Iterator[tuple[UUID, _Source]]:
    left = most_bytes
    for job_id, source in wanted:
        if source.size_bytes <= left:
            left -= source.size_bytes
            yield job_id, source


def _store(work: Work, copies: Sequence[_Copy]) -> None:
    """Copy results within the database: their numbers may be many."""
    parameters = {"source_ids": work.given([copy.source_id for copy in copies]), **_given_copies(work, copies)}
    work.execute(_copy_results(is_postgres=work.is_postgres), parameters)
    work.execute(_copy_arrays(is_postgres=work.is_postgres), parameters)


def _given_copies(work: Work, copies: Sequence[_Copy]) -> Parameters:
    if work.is_postgres:
        return as_arrays("copied", _Copy._fields, [copy._asdict() for copy in copies])
    return {"copies": as_json(copies)}


@cache
def _copy_results(*, is_postgres: bool) -> Insert:
    copies = _copies(is_postgres=is_postgres)
    document = _marked(results.c.document, copies.c.run_end)
    added_bytes = func.length(document) - func.length(results.c.document)
    columns = {
        "id": copies.c.id,
        "job_id": copies.c.job_id,
        "pub_index": results.c.pub_index,
        "document": document,
        "size_bytes": results.c.size_bytes + added_bytes,
        "attempt": literal(1),
        "created_at": Now(),
    }
    rows = (
        select(*columns.values())
        .select_from(results.join(copies, copies.c.source_id == results.c.id))
        .where(is_given(results.c.id, "source_ids", is_postgres=is_postgres))
    )
    return insert(results).from_select(list(columns), rows, include_defaults=False)


def _marked(document: ColumnElement[str], run_end: ColumnElement[str]) -> ColumnElement[str]:
    """Put the job that was run into the text of a document; a copy of a copy names it already."""
    unmarked = func.substr(document, 1, func.length(document) - len(RUN_END))
    return case((document.like(f"%}}{RUN_END}"), unmarked.concat(run_end)), else_=document)


@cache
def _copy_arrays(*, is_postgres: bool) -> Insert:
    copies = _copies(is_postgres=is_postgres)
    names = ["position", "name", "dtype", "shape", "data"]
    rows = (
        select(copies.c.id, *(result_arrays.c[name] for name in names))
        .select_from(result_arrays.join(copies, copies.c.source_id == result_arrays.c.result_id))
        .where(is_given(result_arrays.c.result_id, "source_ids", is_postgres=is_postgres))
    )
    return insert(result_arrays).from_select(["result_id", *names], rows, include_defaults=False)


def _copies(*, is_postgres: bool) -> FromClause:
    """Give the parameters of `_given_copies` as a table."""
    columns = [column(name, String() if name == "run_end" else Uuid()) for name in _Copy._fields]
    if is_postgres:
        return given_rows("copied", columns)
    rows = func.json_each(bindparam("copies", type_=String())).table_valued("value")
    typed = (
        type_coerce(func.json_extract(rows.c.value, f"$[{place}]"), each.type).label(each.name)
        for place, each in enumerate(columns)
    )
    return select(*typed).subquery("copies")


def _finish(work: Work, job_ids: Sequence[UUID]) -> None:
    parameters: Parameters = {"job_ids": work.given(job_ids)}
    claim = {**parameters, "nobody": _NO_WORKER, "lease_seconds": _LEASE_SECONDS}
    is_postgres = work.is_postgres
    moves.run(work, _starting(is_postgres=is_postgres), claim, to=JobStatus.RUNNING, actor=_ACTOR)
    moves.run(work, _finishing(is_postgres=is_postgres), parameters, to=JobStatus.FINISHED, actor=_ACTOR)


@cache
def _starting(*, is_postgres: bool) -> moves.Statement:
    return moves.statement(
        moves.to_running(bindparam("nobody"), lease_seconds=bindparam("lease_seconds", type_=Float())),
        guards.STILL_PENDING,
        is_given(jobs.c.id, "job_ids", is_postgres=is_postgres),
        is_postgres=is_postgres,
    )


@cache
def _finishing(*, is_postgres: bool) -> moves.Statement:
    return moves.statement(
        moves.to_end(JobStatus.FINISHED),
        guards.STILL_RUNNING,
        is_given(jobs.c.id, "job_ids", is_postgres=is_postgres),
        is_postgres=is_postgres,
    )
