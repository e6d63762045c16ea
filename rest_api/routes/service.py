"""How the service is: alive, ready, with which workers, within which limits."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response

import qserver
from rest_api import examples, schemas
from rest_api.dependencies import Caller, Neighbours, identify
from rest_api.json_response import json_response
from rest_api.openapi import answers, refusals
from rest_api.readiness import readiness
from rest_api.service_route import ServiceRoute
from rest_api.views import API_PREFIX, worker_view

router = APIRouter(prefix=API_PREFIX, tags=["service"], dependencies=[Depends(identify)], route_class=ServiceRoute)


@router.get(
    "/service",
    operation_id="getService",
    summary="What answers here?",
    responses=answers(schemas.Service, "It is QServer.", example=examples.SERVICE),
)
async def get_service(neighbours: Neighbours) -> Response:
    """Say the version, and where gRPC is: clients that know a URL alone find the rest by this."""
    port = neighbours.settings.rest_api.advertised_grpc_port or None
    return json_response(schemas.Service("qserver", qserver.__version__, grpc_port=port))


@router.get(
    "/health",
    operation_id="getHealth",
    summary="Is the service alive?",
    responses=answers(schemas.Health, "It is.", example=examples.HEALTH),
)
async def get_health() -> Response:
    """Answer at once, without looking at any neighbour."""
    return json_response(schemas.Health("ok"))


@router.get(
    "/health/ready",
    operation_id="getReadiness",
    summary="Can the service do its work?",
    responses={
        **answers(schemas.Readiness, "It can, or at least read (`degraded`).", example=examples.DEGRADED),
        **answers(
            schemas.Readiness,
            "The database is missing.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            example=examples.UNAVAILABLE,
        ),
    },
)
async def get_readiness(neighbours: Neighbours) -> Response:
    """Ask every neighbour, and name those that are missing. Without the database nothing works: 503.

    Without jobs_server, jobs can be read but not submitted; without the broker, or workers that can simulate, submitted
    jobs wait.
    """
    report = await readiness(neighbours)
    status = HTTPStatus.SERVICE_UNAVAILABLE if report.status == "unavailable" else HTTPStatus.OK
    return json_response(report, status)


@router.get(
    "/workers",
    operation_id="listWorkers",
    summary="List workers",
    responses={
        **answers(list[schemas.Worker], "All workers that are known.", example=[examples.WORKER]),
        **refusals(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_workers(neighbours: Neighbours) -> Response:
    """List the workers with what they have and what they do."""
    with neighbours.database.reading() as transaction:
        workers = transaction.workers.list(live_within_seconds=None)
        live = transaction.workers.list(live_within_seconds=neighbours.settings.worker.live_within_seconds)
    live_ids = {worker.id for worker in live}
    return json_response([worker_view(worker, is_live=worker.id in live_ids) for worker in workers])


@router.get(
    "/limits",
    operation_id="getLimits",
    summary="Read the limits",
    responses={
        **answers(
            schemas.Limits, "Each limit; its setting is `QSERVER_` and its name in capitals.", example=examples.LIMITS
        ),
        **refusals(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_limits(neighbours: Neighbours, caller: Caller) -> Response:
    """Read what a request may ask for, and what the caller and all users together use of their quotas now.

    Of open streams those over HTTP are told as used; those over gRPC are counted apart, with the same limit.
    """
    with neighbours.database.reading() as transaction:
        uses = transaction.quotas.uses(caller, neighbours.settings.quotas)
        of_keys = transaction.keys.use(caller, neighbours.settings.access.max_keys_per_user)
    of_streams = neighbours.open_streams.use(caller)
    return json_response({**neighbours.settings.limits.model_dump(), "quotas": [*uses, of_keys, of_streams]})
