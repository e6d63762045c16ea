"""Results, and the history of jobs that are over."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from database import Database
from database.records import StoredResult
from qserver.identity import Identity
from rest_api import examples, schemas
from rest_api.conditional import NOT_MODIFIED, IfNoneMatch, is_known, not_modified, result_tag, tagged
from rest_api.dependencies import Caller, Cursor, JobId, Neighbours, identify
from rest_api.json_response import json_response
from rest_api.openapi import answers, refusals
from rest_api.presenters import history_view, results_view
from rest_api.service_route import ServiceRoute
from rest_api.views import API_PREFIX, result_document

PAGE_SIZE = 20

router = APIRouter(prefix=API_PREFIX, tags=["results"], dependencies=[Depends(identify)], route_class=ServiceRoute)


@router.get(
    "/job/result/{id}",
    operation_id="getResult",
    summary="Read a job's results",
    responses={
        **answers(schemas.Results, "The results.", example=examples.RESULTS),
        **NOT_MODIFIED,
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_result(job_id: JobId, caller: Caller, neighbours: Neighbours, known: IfNoneMatch) -> Response:
    """Read counts, quasi_dist and expval. 404 where there is no result (yet); the sentence says why."""
    return _result(neighbours.database, job_id, caller, known, view=results_view)


@router.get(
    "/job/{id}/results",
    operation_id="getResultDocument",
    summary="Read a job's results in full",
    responses={
        **answers(
            schemas.ResultDocument, "Everything that is stored of the results.", example=examples.RESULT_DOCUMENT
        ),
        **NOT_MODIFIED,
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_result_document(job_id: JobId, caller: Caller, neighbours: Neighbours, known: IfNoneMatch) -> Response:
    """Read every result type, with method, device, seed, seconds and versions: what it takes to repeat the run."""
    return _result(neighbours.database, job_id, caller, known, view=result_document)


@router.get(
    "/history",
    operation_id="listHistory",
    summary="List jobs that are over",
    responses={
        **answers(list[schemas.HistoryEntry], "At most 20 entries.", example=[examples.HISTORY_ENTRY]),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_history(caller: Caller, neighbours: Neighbours, cursor: Cursor = 0) -> Response:
    """List at most 20 finished, failed or canceled jobs, deleted ones too, after skipping `cursor`."""
    with neighbours.database.reading() as transaction:
        rows = transaction.history.list(caller, limit=PAGE_SIZE, offset=cursor)
    return json_response([history_view(row) for row in rows])


def _result(
    database: Database,
    job_id: UUID,
    caller: Identity,
    known: str,
    *,
    view: Callable[[StoredResult], object],
) -> Response:
    with database.reading() as transaction:
        if known and (result_id := transaction.results.first_id(job_id, caller)):
            tag = result_tag(result_id)
            if is_known(tag, known):
                return not_modified(tag)
        stored = transaction.results.get(job_id, caller)
    return json_response(view(stored), headers=tagged(result_tag(stored.id)))
