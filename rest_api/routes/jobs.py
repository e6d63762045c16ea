"""Jobs: submit, read, cancel, delete."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request, Response

from qserver.circuits import CircuitFormat
from rest_api import examples, original_schemas, schemas
from rest_api.conditional import (
    NOT_MODIFIED,
    IfNoneMatch,
    circuit_tag,
    is_known,
    job_tag,
    noise_model_tag,
    not_modified,
    tagged,
)
from rest_api.dependencies import Caller, Cursor, JobId, JobOwner, Neighbours, identify, visitor_of
from rest_api.json_response import JSON_MEDIA_TYPE, json_response
from rest_api.openapi import answers, job_links, refusals
from rest_api.original_views import job_view
from rest_api.service_route import ServiceRoute
from rest_api.submission import BELL, Submission
from rest_api.views import API_PREFIX, links_view

PAGE_SIZE = 20
SUCCESS = original_schemas.Message("Success")
BINARY_MEDIA_TYPE = "application/octet-stream"
TEXT_MEDIA_TYPE = "text/plain; charset=utf-8"

router = APIRouter(prefix=API_PREFIX, tags=["jobs"], dependencies=[Depends(identify)], route_class=ServiceRoute)


@router.post(
    "/jobs",
    operation_id="submitJob",
    summary="Submit a job",
    status_code=HTTPStatus.CREATED,
    responses={
        HTTPStatus.CREATED.value: {
            **answers(schemas.SubmittedJob, "The job is stored and waits.", example=examples.SUBMITTED_JOB)[
                HTTPStatus.OK.value
            ],
            "headers": {"Location": {"description": "Where the job is.", "schema": {"type": "string"}}},
            "links": job_links(),
        },
        **refusals(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.CONFLICT,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    },
)
async def submit_job(submission: Submission, neighbours: Neighbours, request: Request) -> Response:
    """Submit one circuit. Goes the same way as a job sent over gRPC: what is refused there is refused here.

    A job sent again with the same `request_id` and the same content gets the first answer; with other content, 409.
    """
    job = await neighbours.jobs_server.submit(submission, visitor_of(request))
    links = links_view(job.id)
    answer = schemas.SubmittedJob(
        id=job.id, pointer=job.pointer, status=job.status, submission_date=job.submitted_at, links=links
    )
    return json_response(answer, HTTPStatus.CREATED, {"Location": links.job})


@router.get(
    "/jobs",
    operation_id="listJobs",
    summary="List jobs",
    responses={
        **answers(list[original_schemas.Job], "At most 20 jobs.", example=[examples.JOB]),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_jobs(caller: Caller, neighbours: Neighbours, cursor: Cursor = 0, user: JobOwner = None) -> Response:
    """List at most 20 jobs in the order of their submission, after skipping `cursor`; `[]` past the end.

    An administrator lists everybody's, or those of `user`.
    """
    with neighbours.database.reading() as transaction:
        details = transaction.jobs.details(caller, limit=PAGE_SIZE, offset=cursor, owner=user)
    return json_response([job_view(detail) for detail in details])


@router.get(
    "/job/{id}",
    operation_id="getJob",
    summary="Read a job",
    responses={
        **answers(original_schemas.Job, "The job.", example=examples.JOB),
        **NOT_MODIFIED,
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_job(job_id: JobId, caller: Caller, neighbours: Neighbours, known: IfNoneMatch) -> Response:
    """Read a job with its circuit, its metadata and its results so far."""
    with neighbours.database.reading() as transaction:
        if known:
            job, result_id = transaction.jobs.get(job_id, caller), transaction.results.first_id(job_id, caller)
            tag = job_tag(job, result_id)
            if tag is not None and is_known(tag, known):
                return not_modified(tag)
        detail = transaction.jobs.detail(job_id, caller)
    tag = job_tag(detail.job, None if detail.result is None else detail.result.id)
    return json_response(job_view(detail), headers=tagged(tag))


@router.get(
    "/job/{id}/circuit",
    operation_id="getCircuit",
    summary="Read a job's circuit",
    response_class=Response,
    responses={
        HTTPStatus.OK.value: {
            "description": "The source as it was sent.",
            "content": {
                "text/plain": {"schema": {"type": "string"}, "example": BELL},
                BINARY_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": "QISKIT..."},
            },
        },
        **NOT_MODIFIED,
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_circuit(job_id: JobId, caller: Caller, neighbours: Neighbours, known: IfNoneMatch) -> Response:
    """Read the source of a job's circuit, byte for byte: OpenQASM as text, QPY as bytes."""
    with neighbours.database.reading() as transaction:
        if known:
            tag = circuit_tag(transaction.jobs.get(job_id, caller).circuit_id)
            if is_known(tag, known):
                return not_modified(tag)
        stored = transaction.circuits.source(job_id, caller)
    is_binary = stored.circuit.circuit_format is CircuitFormat.QPY
    return Response(
        stored.circuit.source,
        media_type=BINARY_MEDIA_TYPE if is_binary else TEXT_MEDIA_TYPE,
        headers=tagged(circuit_tag(stored.id)),
    )


@router.get(
    "/job/{id}/noise-model",
    operation_id="getNoiseModel",
    summary="Read a job's noise model",
    response_class=Response,
    responses={
        HTTPStatus.OK.value: {
            "description": "The model as it was sent, but for the order of its members and the `id` of each error.",
            "content": {JSON_MEDIA_TYPE: {"schema": {"type": "object"}, "example": examples.NOISE_MODEL}},
        },
        **NOT_MODIFIED,
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_noise_model(job_id: JobId, caller: Caller, neighbours: Neighbours, known: IfNoneMatch) -> Response:
    """Read the noise that a job asked for. The job itself names a large model by hash, size and description alone.

    404 where the job has none.
    """
    with neighbours.database.reading() as transaction:
        model = transaction.noise_models.of_job(job_id, caller)
    tag = noise_model_tag(model.sha256)
    if is_known(tag, known):
        return not_modified(tag)
    return Response(model.text, media_type=JSON_MEDIA_TYPE, headers=tagged(tag))


@router.put(
    "/job/cancel/{id}",
    operation_id="cancelJob",
    summary="Cancel a job",
    responses={
        **answers(original_schemas.Message, "The job is canceled.", example=SUCCESS),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def cancel_job(job_id: JobId, caller: Caller, neighbours: Neighbours) -> Response:
    """Stop a pending or a running job. 409 where it is already over."""
    with neighbours.database.transaction() as transaction:
        transaction.jobs.cancel(job_id, caller)
    return json_response(SUCCESS)


@router.delete(
    "/job/{id}",
    operation_id="deleteJob",
    summary="Delete a job",
    responses={
        **answers(original_schemas.Message, "The job is gone.", example=SUCCESS),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def delete_job(job_id: JobId, caller: Caller, neighbours: Neighbours) -> Response:
    """Remove a job with its results; the history remembers it. 409 while it runs."""
    with neighbours.database.transaction() as transaction:
        transaction.jobs.delete(job_id, caller)
    return json_response(SUCCESS)
