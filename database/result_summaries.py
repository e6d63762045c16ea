"""The kinds of result that lists show, of many jobs: the database sends nothing else, and nothing else is parsed."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from database.records import ResultSummary
from database.result_documents import PROBABILITIES_MARK, RUN_MARK, parse_result
from database.tables import results
from database.work import Work, is_given

_IS_FIRST_PUB: Final = results.c.pub_index + 0 == 0  # as a sum it serves no index, which would give every job's PUB


def summaries_of(work: Work, job_ids: Sequence[UUID]) -> Mapping[UUID, ResultSummary]:
    """Give the summaries of many jobs; one that has no result is left out."""
    if not job_ids:
        return {}
    rows = work.execute(_beginnings(is_postgres=work.is_postgres), {"job_ids": work.given(job_ids)})
    return {job_id: summary_from(result_id, job_id, f"{text}}}") for result_id, job_id, text in rows.all()}


def summary_from(result_id: UUID, job_id: UUID, text: str) -> ResultSummary:
    """Read a summary out of the document of a job's first PUB."""
    document = parse_result(text)
    return ResultSummary(
        id=result_id,
        job_id=job_id,
        counts=document.get("counts"),
        quasi_dist=document.get("quasi_dist"),
        expval=tuple(document.get("expval", ())),
    )


@cache
def _beginnings(*, is_postgres: bool) -> Select[UUID, UUID, str]:
    """Select documents without what stands behind the kinds that are shown: 2^20 probabilities are 40 MB of text."""
    shown: ColumnElement[str] = results.c.document
    for mark in (PROBABILITIES_MARK, RUN_MARK):
        shown = _before(mark, shown, is_postgres=is_postgres)
    return select(results.c.id, results.c.job_id, shown).where(
        is_given(results.c.job_id, "job_ids", is_postgres=is_postgres), _IS_FIRST_PUB
    )


def _before(mark: str, text: ColumnElement[str], *, is_postgres: bool) -> ColumnElement[str]:
    if is_postgres:
        return func.split_part(text, mark, 1)
    return func.substr(text, 1, func.instr(text.concat(mark), mark) - 1)
