"""What came of many jobs: their states and the text of their results, by one statement however many they are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Final, cast
from uuid import UUID

from sqlalchemy import Integer, Select, and_, bindparam, case, select

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

_JOB_COLUMNS: Final = (jobs.c.pointer, jobs.c.id, jobs.c.status, jobs.c.reason, jobs.c.message)

_MAX_BYTES: Final = bindparam("max_bytes", type_=Integer())
_RESULT_COLUMNS: Final = (
    results.c.id.label("result_id"),
    results.c.size_bytes,
    case((results.c.size_bytes <= _MAX_BYTES, results.c.document)).label("document"),
)

# pointer, id, status, reason, message; id, size_bytes and document of a result: None where there is none
_Row = tuple[int, UUID, str, str | None, str | None, UUID | None, int | None, str | None]
_POINTER: Final = itemgetter(0)
_SIZE_BYTES: Final = itemgetter(6)
_STATUSES: Final = {status.value: status for status in JobStatus}  # found in a tenth of the time that the enum takes
_Arrays = Mapping[UUID, tuple[Array, ...]]


def job_results_of(
    work: Work, job_ids: Sequence[UUID], identity: Identity, *, max_bytes: int
) -> Mapping[UUID, JobResult]:
    """Give what there is to read of each job that the caller has; nothing of a PUB larger than `max_bytes` is read."""
    if not job_ids:
        return {}
    parameters = {"job_ids": work.given(job_ids), "max_bytes": max_bytes}
    rows = work.execute(_named(is_postgres=work.is_postgres), parameters).all()
    if not identity.sees_everything:
        # Here and not in the statement: for a condition on the owner PostgreSQL may read all that the owner has.
        rows = [row for row in rows if row.owner_id == identity.user_id]
    return {result.job_id: result for result in _job_results(work, cast("Sequence[_Row]", rows))}


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
    beside = and_(results.c.job_id == jobs.c.id, is_given(results.c.job_id, "job_ids", is_postgres=is_postgres))
    return (
        select(*_JOB_COLUMNS, *_RESULT_COLUMNS, jobs.c.owner_id)
        .select_from(jobs.outerjoin(results, beside))
        .where(is_given(jobs.c.id, "job_ids", is_postgres=is_postgres))
        .order_by(jobs.c.pointer, results.c.pub_index)
    )


def _job_results(work: Work, rows: Sequence[_Row]) -> Sequence[JobResult]:
    """Put rows together that stand behind each other, job by job."""
    arrays = arrays_of(work, [row[5] for row in rows if row[5] is not None and _has_arrays(row[6], row[7])])
    return [_job_result(list(of_job), arrays) for _, of_job in groupby(rows, _POINTER)]


def _job_result(rows: Sequence[_Row], arrays: _Arrays) -> JobResult:
    _, job_id, status, reason, message, first_result_id, size_bytes, _ = rows[0][:8]
    return JobResult(
        job_id,
        _STATUSES[status],
        None if reason is None else Reason(reason),
        message,
        (size_bytes or 0) if len(rows) == 1 else sum(map(_SIZE_BYTES, rows)),
        () if first_result_id is None else _documents(rows, arrays),
    )


def _documents(rows: Sequence[_Row], arrays: _Arrays) -> tuple[StoredDocument, ...] | None:
    documents = []
    for row in rows:
        result_id, size_bytes, text = row[5:8]
        if result_id is None or text is None:
            return None
        if not _has_arrays(size_bytes, text):
            documents.append(StoredDocument(result_id, text))
        elif found := arrays.get(result_id, ()):
            documents.append(StoredDocument(result_id, text, found))
        else:
            return ()  # they were removed between the two statements, and the whole result with them
    return tuple(documents)


def _has_arrays(size_bytes: int | None, text: str | None) -> bool:
    # A document is ASCII, and an array counts as a byte at least: what is larger than its document has arrays.
    return text is not None and size_bytes is not None and size_bytes > len(text)
