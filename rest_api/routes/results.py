"""Results, and the history of jobs that are over."""

import asyncio
from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from database import Database, Transaction
from qserver.identity import Identity
from rest_api import examples, original_schemas, schemas
from rest_api.conditional import NOT_MODIFIED, IfNoneMatch, is_known, not_modified, result_tag, tagged
from rest_api.dependencies import Caller, Cursor, JobId, JobOwner, Neighbours, SharedReading, identify
from rest_api.json_response import JSON_MEDIA_TYPE, json_response
from rest_api.openapi import answers, refusals
from rest_api.original_views import history_view
from rest_api.result_texts import result_document_text
from rest_api.service_route import ServiceRoute
from rest_api.views import API_PREFIX

PAGE_SIZE = 20

router = APIRouter(prefix=API_PREFIX, tags=["results"], dependencies=[Depends(identify)], route_class=ServiceRoute)


@router.get(
    "/job/result/{id}",
    operation_id="getResult",
    summary="Read a job's results",
    responses={
        **answers(original_schemas.Results, "The results.", example=examples.RESULTS),
        **NOT_MODIFIED,
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
async def get_result(
    job_id: JobId, caller: Caller, neighbours: Neighbours, shared: SharedReading, known: IfNoneMatch
) -> Response:
    """Read counts, quasi_dist and expval. 404 where there is no result (yet); the sentence says why."""
    if known and (answer := await asyncio.to_thread(_known_answer, neighbours.database, job_id, caller, known)):
        return answer
    result = await shared.read(job_id, caller)
    return Response(result.text, media_type=JSON_MEDIA_TYPE, headers=tagged(result_tag(result.id)))


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
    with neighbours.database.reading() as transaction:
        if answer := _known_result(transaction, job_id, caller, known):
            return answer
        documents = transaction.results.documents(job_id, caller)
    text = result_document_text(job_id, documents)
    return Response(text, media_type=JSON_MEDIA_TYPE, headers=tagged(result_tag(documents[0].id)))


@router.get(
    "/history",
    operation_id="listHistory",
    summary="List jobs that are over",
    responses={
        **answers(list[original_schemas.HistoryEntry], "At most 20 entries.", example=[examples.HISTORY_ENTRY]),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_history(caller: Caller, neighbours: Neighbours, cursor: Cursor = 0, user: JobOwner = None) -> Response:
    """List at most 20 finished, failed or canceled jobs, deleted ones too, after skipping `cursor`.

    An administrator lists everybody's, or those of `user`.
    """
    with neighbours.database.reading() as transaction:
        rows = transaction.history.list(caller, limit=PAGE_SIZE, offset=cursor, owner=user)
    return json_response([history_view(row) for row in rows])


def _known_answer(database: Database, job_id: UUID, caller: Identity, known: str) -> Response | None:
    with database.reading() as transaction:
        return _known_result(transaction, job_id, caller, known)


def _known_result(transaction: Transaction, job_id: UUID, caller: Identity, known: str) -> Response | None:
    """Answer that the client has the results, where it says so."""
    result_id = transaction.results.first_id(job_id, caller) if known else None
    if result_id is None:
        return None
    tag = result_tag(result_id)
    return not_modified(tag) if is_known(tag, known) else None
