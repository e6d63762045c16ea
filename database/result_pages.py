"""Pages of results: what is passed on as it is stored comes as text, one row a job; the rest is read by name."""

import typing
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Select,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
    type_coerce,
)

from database.job_results import job_results_of
from database.records import JobResult, PlainResult
from database.tables import jobs, results
from database.work import Parameters, Work, status_is
from qserver.identity import Identity
from qserver.jobs import JobStatus

_NO_OFFSET: Final[ColumnElement[int]] = literal_column("0")
"""As an offset it skips nothing, and leaves PostgreSQL one way to join, whatever its figures say: row by row.

So it reads no jobs and results but those of the page, sorts nothing, and sends the first row at once.
"""

_AT_MOST_TWO: Final = results.c.pub_index <= literal_column("1")
"""Of a job of many PUBs a second row says that it has them; they are read by name."""

_UUID_PARTS: Final = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))  # where its digits begin, and how many they are

_Row: TypeAlias = tuple[str, str | None]  # a job's id and the document of its PUB; None where that isn't plain


def page_of_results(
    work: Work, identity: Identity, *, limit: int, offset: int, statuses: frozenset[JobStatus], max_bytes: int
) -> Sequence[PlainResult | JobResult]:
    """Give what there is to read of a page of jobs, oldest first; nothing of a PUB larger than `max_bytes` is read."""
    statement = _page(statuses, of_everybody=identity.sees_everything, is_postgres=work.is_postgres)
    parameters: Parameters = {"limit": limit, "offset": offset, "max_bytes": max_bytes}
    if not identity.sees_everything:
        parameters["owner_id"] = identity.user_id
    texts = _plain_texts(typing.cast("Sequence[_Row]", work.execute(statement, parameters).all()))
    others = [UUID(job_id) for job_id, text in texts.items() if text is None]
    known = job_results_of(work, others, identity, max_bytes=max_bytes)
    return [
        known[UUID(job_id)] if text is None else PlainResult(job_id, text)
        for job_id, text in texts.items()
        if text is not None or UUID(job_id) in known  # else it was deleted between the two statements
    ]


def _plain_texts(rows: Sequence[_Row]) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for job_id, text in rows:
        # PostgreSQL counted bytes: of a document that isn't ASCII they don't tell whether it has arrays.
        is_plain = text is not None and text.isascii() and job_id not in texts
        texts[job_id] = text if is_plain else None
    return texts


@cache
def _page(statuses: frozenset[JobStatus], *, of_everybody: bool, is_postgres: bool) -> Select[str, str | None]:
    # Their keys first: what is skipped is then skipped in an index, and no row of it is read.
    keys = select(jobs.c.pointer).order_by(jobs.c.pointer)
    keys = keys.limit(bindparam("limit", type_=Integer())).offset(bindparam("offset", type_=BigInteger()))
    if not of_everybody:
        keys = keys.where(jobs.c.owner_id == bindparam("owner_id", type_=jobs.c.owner_id.type))
    if not statuses:
        return _of_keys(keys.subquery("wanted"), is_postgres=is_postgres)
    # Their rows are read for the status anyway: a second look at each would cost 2 us.
    wanted = keys.where(status_is(jobs.c.status, *sorted(statuses))).add_columns(jobs.c.id).subquery("wanted")
    return _of_jobs(wanted, wanted.c.id, wanted, is_postgres=is_postgres)


def _of_keys(wanted: Subquery, *, is_postgres: bool) -> Select[str, str | None]:
    has_key = jobs.c.pointer == wanted.c.pointer
    if not is_postgres:
        return _of_jobs(wanted, jobs.c.id, wanted.join(jobs, has_key), is_postgres=False)
    job = select(jobs.c.id).where(has_key).offset(_NO_OFFSET).lateral("job")
    return _of_jobs(wanted, job.c.id, wanted.join(job, true()), is_postgres=True)


def _of_jobs(
    wanted: Subquery, job_id: ColumnElement[UUID], named: FromClause, *, is_postgres: bool
) -> Select[str, str | None]:
    """Select the ids of jobs beside their plain documents."""
    of_job = and_(results.c.job_id == job_id, _AT_MOST_TWO)
    if not is_postgres:
        rows = select(_dashed(job_id), _plain_text(func.length)).select_from(named.outerjoin(results, of_job))
        return rows.order_by(wanted.c.pointer)
    result = select(_plain_text(func.octet_length)).where(of_job).offset(_NO_OFFSET).lateral("result")
    rows = select(cast(job_id, String), result.c.text).select_from(named.outerjoin(result, true()))
    return rows.order_by(wanted.c.pointer)


def _plain_text(length: Callable[[ColumnElement[str]], ColumnElement[int]]) -> Label[str | None]:
    is_plain = and_(
        results.c.pub_index == literal_column("0"),
        results.c.size_bytes <= bindparam("max_bytes", type_=Integer()),
        results.c.size_bytes == length(results.c.document),  # it has arrays where there is more
    )
    return case((is_plain, results.c.document)).label("text")


def _dashed(key: ColumnElement[UUID]) -> ColumnElement[str]:
    """Write a UUID as everybody does: SQLite has its digits alone."""
    digits = type_coerce(key, String())
    first, *others = (func.substr(digits, begin, number, type_=String()) for begin, number in _UUID_PARTS)
    dashed: ColumnElement[str] = first
    for part in others:
        dashed = dashed.concat("-").concat(part)
    return dashed
