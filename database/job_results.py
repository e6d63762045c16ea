"""What came of many jobs: their states and the text of their results, by one statement however many they are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Integer, Row, Select, and_, bindparam, case, select

from database.records import JobResult, StoredDocument
from database.tables import jobs, result_arrays, results
from database.work import Work, is_given
from qserver.errors import NotFound, Reason
from qserver.identity import Identity
from qserver.jobs import JobStatus
from qserver.results import Array

ANY_SIZE: Final = 2**31 - 1
"""More bytes than a row of results can say that it has."""

SHARED_BYTES: Final = 64 * 1024
"""A larger result is best read alone: hundreds of them must not be in memory together."""

_Row = Row[tuple[object, ...]]
_Arrays = Mapping[UUID, tuple[Array, ...]]


def job_results_of(
    work: Work, job_ids: Sequence[UUID], identity: Identity, *, max_bytes: int
) -> Mapping[UUID, JobResult]:
    """Give what there is to read of each job that the caller has; nothing of a PUB larger than `max_bytes` is read."""
    if not job_ids:
        return {}
    parameters = {"job_ids": work.given(job_ids), "max_bytes": max_bytes}
    rows: defaultdict[UUID, list[_Row]] = defaultdict(list)
    for row in work.execute(_named(is_postgres=work.is_postgres), parameters):
        # Here and not in the statement: for a condition on the owner PostgreSQL may read all that the owner has.
        if identity.sees_everything or row.owner_id == identity.user_id:
            rows[row.id].append(row)
    arrays = arrays_of(work, [row.result_id for found in rows.values() for row in found if _has_arrays(row)])
    return {job_id: _job_result(found, arrays) for job_id, found in rows.items()}


def no_job(job_id: UUID) -> NotFound:
    """Say that the caller has no such job."""
    return NotFound(f"there is no job {job_id}")


def why_none(result: JobResult) -> NotFound:
    """Say why a job has no result (yet), with its own reason."""
    because = "" if result.message is None else f": {result.message}"
    match result.status:
        case JobStatus.PENDING | JobStatus.RUNNING:
            words = f"has no result yet: it is {result.status}"
        case JobStatus.FAILED:
            words = "has no result: it failed"
        case JobStatus.CANCELED:
            words = "has no result: it was canceled"
        case JobStatus.FINISHED:
            words = "has no result any more: it finished, and results are kept for a time"
    return NotFound(f"job {result.job_id} {words}{because}", reason=result.reason)


def arrays_of(work: Work, result_ids: Sequence[UUID]) -> _Arrays:
    """Give the arrays of results, in order."""
    if not result_ids:
        return {}
    statement = (
        select(result_arrays)
        .where(work.among(result_arrays.c.result_id, result_ids))
        .order_by(result_arrays.c.position)
    )
    found: defaultdict[UUID, tuple[Array, ...]] = defaultdict(tuple)
    for row in work.execute(statement).mappings():
        array = Array(row["name"], row["dtype"], tuple(row["shape"]), bytes(row["data"]))
        found[row["result_id"]] += (array,)
    return found


@cache
def _named(*, is_postgres: bool) -> Select[tuple[object, ...]]:
    """Select the jobs that `job_ids` names beside their results.

    Both tables have the keys named: PostgreSQL carries no list of keys from one table to another, and where its figures
    say that there are few results, it would read all there are.
    """
    document = case((results.c.size_bytes <= bindparam("max_bytes", type_=Integer()), results.c.document))
    columns = (jobs.c.id, jobs.c.owner_id, jobs.c.status, jobs.c.reason, jobs.c.message)
    beside = and_(results.c.job_id == jobs.c.id, is_given(results.c.job_id, "job_ids", is_postgres=is_postgres))
    return (
        select(*columns, results.c.id.label("result_id"), results.c.size_bytes, document.label("document"))
        .select_from(jobs.outerjoin(results, beside))
        .where(is_given(jobs.c.id, "job_ids", is_postgres=is_postgres))
        .order_by(results.c.pub_index)
    )


def _job_result(rows: Sequence[_Row], arrays: _Arrays) -> JobResult:
    first = rows[0]
    return JobResult(
        job_id=first.id,
        status=JobStatus(first.status),
        reason=None if first.reason is None else Reason(first.reason),
        message=first.message,
        size_bytes=sum(row.size_bytes or 0 for row in rows),
        documents=_documents(rows, arrays),
    )


def _documents(rows: Sequence[_Row], arrays: _Arrays) -> tuple[StoredDocument, ...] | None:
    stored = [row for row in rows if row.result_id is not None]
    if any(row.document is None for row in stored):
        return None
    if any(_has_arrays(row) and row.result_id not in arrays for row in stored):
        return ()  # they were removed between the two statements, and the whole result with them
    return tuple(StoredDocument(row.result_id, row.document, arrays.get(row.result_id, ())) for row in stored)


def _has_arrays(row: _Row) -> bool:
    # A document is ASCII, and no array is empty: what is larger than its document has arrays.
    return row.document is not None and row.size_bytes > len(row.document)
