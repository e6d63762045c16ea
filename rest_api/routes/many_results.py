"""Results of many jobs in one answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from database import Database, Transaction
from database.job_results import SHARED_BYTES
from database.records import JobResult, PlainResult
from qserver.identity import Identity
from qserver.jobs import JobStatus
from rest_api import examples, schemas
from rest_api.dependencies import Caller, Cursor, Neighbours, identify
from rest_api.openapi import answers, lines, refusals
from rest_api.result_texts import (
    NDJSON_MEDIA_TYPE,
    Value,
    body,
    body_parts,
    plain_value,
    result_value,
    wanted_form,
)
from rest_api.service_route import ServiceRoute
from rest_api.views import API_PREFIX
from rest_api.whole_numbers import IN_DIGITS

PAGE_SIZE = 20
MAX_PAGE_SIZE = 500
MAX_IDS = 400
"""So many fit into the 16 KiB that the proxy has for a request's first line."""

router = APIRouter(prefix=API_PREFIX, tags=["results"], dependencies=[Depends(identify)], route_class=ServiceRoute)

Found = Sequence[tuple[UUID, JobResult | None] | PlainResult]
"""Jobs and what came of them; None where the caller has no such job."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which jobs are asked for: those of these ids, or all, and of these only some."""

    job_ids: Sequence[UUID]
    statuses: frozenset[JobStatus]
    offset: int
    limit: int

    def has(self, result: JobResult | None) -> bool:
        """Whether the status of a named job is among those asked for."""
        return not self.statuses or (result is not None and result.status in self.statuses)


async def selection(
    ids: Annotated[
        Annotated[list[UUID], Field(fail_fast=True)] | None,
        Query(alias="id", max_length=MAX_IDS, description="only these jobs, in this order; may be repeated"),
    ] = None,
    statuses: Annotated[
        Annotated[list[JobStatus], Field(fail_fast=True)] | None,
        Query(alias="status", max_length=len(JobStatus), description="only jobs in one of these; may be repeated"),
    ] = None,
    cursor: Cursor = 0,
    limit: Annotated[
        int | None,
        Query(ge=1, le=MAX_PAGE_SIZE, description="how many at most; 20, or all that `id` names"),
        IN_DIGITS,
    ] = None,
) -> Selection:
    """Read which jobs are asked for. One that is named twice is answered once."""
    job_ids = tuple(dict.fromkeys(ids or ()))
    return Selection(job_ids, frozenset(statuses or ()), cursor, limit or len(job_ids) or PAGE_SIZE)


@router.get(
    "/results",
    operation_id="listResults",
    summary="Read the results of many jobs",
    responses={
        HTTPStatus.OK.value: lines(
            answers(list[schemas.JobResult], "What came of each job.", example=examples.JOB_RESULTS)[
                HTTPStatus.OK.value
            ],
            NDJSON_MEDIA_TYPE,
            model=schemas.JobResult,
        ),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_results(
    caller: Caller,
    neighbours: Neighbours,
    wanted: Annotated[Selection, Depends(selection)],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """List what came of jobs, in the order of their submission, after skipping `cursor`; `[]` past the end.

    A job without a result says why. With `Accept: application/x-ndjson` each job is a line of its own.
    """
    with neighbours.database.reading() as transaction:
        found = _found(transaction, caller, wanted)
    form, headers = wanted_form(accept), {"Vary": "Accept"}
    values = _values(neighbours.database, caller, found)
    if any(map(_is_large, found)):
        return StreamingResponse(body_parts(form, values), media_type=form, headers=headers)
    return Response(body(form, values), media_type=form, headers=headers)


def _found(transaction: Transaction, caller: Identity, wanted: Selection) -> Found:
    limit, offset = wanted.limit, wanted.offset
    if wanted.job_ids:
        found = transaction.results.of_jobs(wanted.job_ids, caller, max_bytes=SHARED_BYTES)
        named = [(job_id, found.get(job_id)) for job_id in wanted.job_ids if wanted.has(found.get(job_id))]
        return named[offset : offset + limit]
    page = transaction.jobs.list_results(
        caller, limit=limit, offset=offset, statuses=wanted.statuses, max_bytes=SHARED_BYTES
    )
    return [result if isinstance(result, PlainResult) else (result.job_id, result) for result in page]


def _is_large(each: tuple[UUID, JobResult | None] | PlainResult) -> bool:
    return not isinstance(each, PlainResult) and each[1] is not None and each[1].documents is None


def _values(database: Database, caller: Identity, found: Found) -> Iterator[Value]:
    for each in found:
        if isinstance(each, PlainResult):
            yield plain_value(each)
        elif _is_large(each):
            yield result_value(each[0], _read_alone(database, caller, each[0]))
        else:
            yield result_value(*each)


def _read_alone(database: Database, caller: Identity, job_id: UUID) -> JobResult | None:
    with database.reading() as transaction:
        return transaction.results.of_jobs([job_id], caller).get(job_id)
