"""What can run circuits here: backends, plugins, and adding and removing file plugins."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response

from qserver.clock import SystemClock
from qserver.errors import AlreadyExists, NotFound
from rest_api import examples, original_schemas, schemas
from rest_api.dependencies import Caller, Cursor, Name, Neighbours, identify
from rest_api.json_response import json_response
from rest_api.openapi import answers, refusals
from rest_api.original_views import backend_view
from rest_api.registration import add_plugin, remove_plugin
from rest_api.service_route import ServiceRoute
from rest_api.services import Services
from rest_api.views import API_PREFIX, plugin_view

PAGE_SIZE = 20
MAX_BACKENDS = 10_000

router = APIRouter(prefix=API_PREFIX, tags=["plugins"], dependencies=[Depends(identify)], route_class=ServiceRoute)


@router.get(
    "/backend/{name}",
    operation_id="getBackend",
    summary="Read a backend",
    responses={
        **answers(original_schemas.Backend, "The backend.", example=examples.BACKEND),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def get_backend(name: Name, neighbours: Neighbours) -> Response:
    """Read which plugin brings a backend."""
    with neighbours.database.reading() as transaction:
        backend = transaction.plugins.backend(name)
    return json_response(backend_view(backend))


@router.get(
    "/backends",
    operation_id="listBackends",
    summary="List backends",
    responses={
        **answers(list[original_schemas.Backend], "At most 20 backends.", example=[examples.BACKEND]),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_backends(neighbours: Neighbours, cursor: Cursor = 0) -> Response:
    """List at most 20 backends in the order of their registration, after skipping `cursor`; `[]` past the end."""
    with neighbours.database.reading() as transaction:
        backends = transaction.plugins.backends(limit=PAGE_SIZE, offset=cursor)
    return json_response([backend_view(backend) for backend in backends])


@router.get(
    "/plugins",
    operation_id="listPlugins",
    summary="List plugins",
    responses={
        **answers(list[schemas.Plugin], "All plugins.", example=[examples.PLUGIN]),
        **refusals(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_plugins(neighbours: Neighbours) -> Response:
    """List all plugins with all that is known of their backends, and how far each worker is with installing them."""
    with neighbours.database.reading() as transaction:
        plugins = transaction.plugins.list()
        backends = transaction.plugins.backends(limit=MAX_BACKENDS, offset=0)
        workers = transaction.workers.list(live_within_seconds=None)
    return json_response([plugin_view(plugin, backends, workers) for plugin in plugins])


@router.post(
    "/plugin/{name}",
    operation_id="addPlugin",
    summary="Add a file plugin",
    status_code=HTTPStatus.CREATED,
    responses={
        **answers(
            original_schemas.Message,
            "The plugin and its backends are registered.",
            HTTPStatus.CREATED,
            example=examples.PLUGIN_ADDED,
        ),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def add_file_plugin(name: Name, caller: Caller, neighbours: Neighbours) -> Response:
    """Add a plugin written for the original service: its package is looked up, never run here.

    Workers then build its environment; until one is ready its jobs wait with the reason `PLUGIN_INSTALLING`. A backend
    whose name is taken is registered as `<plugin>:<backend>`.
    """
    if _is_registered(neighbours, name):
        raise AlreadyExists(f"plugin {name} is already added")
    description = neighbours.plugin_installer.describe(name)
    add_plugin(neighbours.database, description, caller, now=SystemClock().now())
    return json_response(original_schemas.Message("added plugin"), HTTPStatus.CREATED)


@router.delete(
    "/plugin/{name}",
    operation_id="removePlugin",
    summary="Remove a file plugin",
    responses={
        **answers(original_schemas.Message, "The plugin and its backends are gone.", example=examples.SUCCESS),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def remove_file_plugin(name: Name, caller: Caller, neighbours: Neighbours) -> Response:
    """Remove a plugin from every worker; jobs that wait for it fail. 409 while one of its jobs runs."""
    remove_plugin(neighbours.database, name, caller)
    return json_response(original_schemas.Message("Success"))


def _is_registered(neighbours: Services, name: str) -> bool:
    """Look before asking the package index, which takes seconds; registering looks again, in its transaction."""
    try:
        with neighbours.database.reading() as transaction:
            transaction.plugins.get(name)
    except NotFound:
        return False
    return True
