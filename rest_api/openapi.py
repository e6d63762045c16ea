"""The OpenAPI document: what FastAPI finds in the routes, with our refusals in the place of its own."""

from collections.abc import Mapping, Sequence
from copy import copy
from http import HTTPStatus
from typing import cast

import orjson
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from qserver.identity import HTTP_RULES, Permission
from rest_api.errors import PROBLEM_MEDIA_TYPE, Problem, reason_of
from rest_api.json_response import JSON_MEDIA_TYPE, encode
from rest_api.schemas import Event, ProblemDocument

TITLE = "QServer"
API_VERSION = "1.0.0"  # of this interface, not of the program
DESCRIPTION = """\
Runs quantum circuits on this machine. Submit a circuit, follow it, read its results.

- **Submit**: `POST /api/v1/jobs` as JSON, or over gRPC (`qserver.v1.JobService`, and the original's `Jobs`).
- **Follow**: `GET /api/v1/job/{id}/events` sends each change of state as a server-sent event.
- **Read**: `GET /api/v1/job/result/{id}` as the original service does, `GET /api/v1/job/{id}/results` with everything,
  `GET /api/v1/results` for many jobs at once.

Where keys are on, send one as `Authorization: Bearer <key>` (Authorize, above). Every path answers with a trailing
slash too. Every refusal is `application/problem+json` (RFC 9457).
"""
TAGS = (
    {"name": "jobs", "description": "Submit, read, cancel and delete jobs."},
    {"name": "results", "description": "What jobs gave, and what they gave once."},
    {"name": "plugins", "description": "What can run circuits here."},
    {"name": "access", "description": "Who may do what: users, keys, and what they did."},
    {"name": "service", "description": "How the service is."},
)

EVENT_STREAM_MEDIA_TYPE = "text/event-stream"
_SCHEMAS = "#/components/schemas/"
_MEANINGS: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "A value is wrong; the sentence names it.",
    HTTPStatus.UNAUTHORIZED: "No good key or token was sent.",
    HTTPStatus.FORBIDDEN: "The caller may not do this, or the request comes from a foreign web page.",
    HTTPStatus.NOT_FOUND: "There is no such thing.",
    HTTPStatus.CONFLICT: "The thing's state forbids this.",
    HTTPStatus.REQUEST_TIMEOUT: "The body stopped half-way.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "A size passes its limit.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not `application/json`.",
    HTTPStatus.MISDIRECTED_REQUEST: "The Host header is not one of this service.",
    HTTPStatus.TOO_MANY_REQUESTS: "A limit is reached for now.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A fault of ours; the log has the trace.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A neighbour doesn't answer; try again after `Retry-After` seconds.",
}
_EVERYWHERE = (HTTPStatus.FORBIDDEN, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR)
_UNSAFE = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_SAFE_METHODS = frozenset({"get", "head", "options"})

# FastAPI's own signatures of these are untyped dictionaries.
Responses = dict[int | str, dict[str, object]]
Document = dict[str, object]

_SECURITY_SCHEMES: Document = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "an API key (`qserver_...`), or a token of the issuer that this service trusts",
    }
}


def refusals(*statuses: HTTPStatus) -> Responses:
    """Describe the refusals that a route may answer with, beside those that every route may."""
    return {status.value: _refusal(status) for status in statuses}


def answers(model: type, description: str, status: HTTPStatus = HTTPStatus.OK, *, example: object) -> Responses:
    """Describe a route's answer; `example` is one, as the route would give it to `json_response`."""
    content = {JSON_MEDIA_TYPE: {"example": orjson.loads(encode(example))}}
    return {status.value: {"model": model, "description": description, "content": content}}


def lines(response: Document, media_type: str, *, model: type) -> Document:
    """Add to a route's answer the form in which each member of its array, a `model`, is a line."""
    content = cast("dict[str, Document]", response["content"])
    members = cast("Sequence[object]", content[JSON_MEDIA_TYPE]["example"])
    described = {
        "schema": {"type": "string", "description": f"a `{model.__name__}` a line"},
        "example": "".join(f"{encode(member).decode()}\n" for member in members),
    }
    return {**response, "content": {**content, media_type: described}}


def event_stream(example: str) -> Document:
    """Describe a stream of `Event`s: the schema is that of each server-sent event, as OpenAPI has it from 3.2 on."""
    members = {"id": {"type": "string"}, "data": _text_of(Event)}
    error = {"event": {"const": "error"}, "data": _text_of(ProblemDocument)}
    kinds = [{"type": "object", "required": list(kind), "properties": kind} for kind in (members, error)]
    return {EVENT_STREAM_MEDIA_TYPE: {"schema": {"oneOf": kinds}, "example": example}}


def _text_of(model: type) -> Document:
    schema = {"$ref": f"{_SCHEMAS}{model.__name__}"}
    return {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}


def job_links() -> dict[str, Document]:
    """Say which operations on `/job/{id}` take the id that a submission answered with."""
    operations = ("getJob", "getCircuit", "getNoiseModel", "getResultDocument", "followJob", "deleteJob")
    return {name: {"operationId": name, "parameters": {"id": "$response.body#/id"}} for name in operations}


def describe(routes: Sequence[APIRoute]) -> Document:
    """Build the document of these routes."""
    document: Document = get_openapi(
        title=TITLE,
        version=API_VERSION,
        description=DESCRIPTION,
        tags=list(TAGS),
        routes=[_without_head(route) for route in routes],
    )
    schemas = cast("dict[str, Document]", cast("Document", document["components"])["schemas"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update({**_schemas_of(ProblemDocument), **_schemas_of(Event)})
    paths = cast("dict[str, dict[str, Document]]", document["paths"])
    for path, operations in paths.items():
        for method, operation in operations.items():
            _complete(method, cast("dict[str, object]", operation["responses"]))
            _secure(method, path, operation)
    cast("Document", document["components"])["securitySchemes"] = _SECURITY_SCHEMES
    for route in routes:
        if route.include_in_schema:
            _restore_nulls(route, paths[route.path])
    return document


def _restore_nulls(route: APIRoute, operations: Mapping[str, Document]) -> None:
    """Write the examples of answers again: FastAPI leaves out what is null in them, and the answers don't."""
    for method in set(route.methods or ()) - {"HEAD"}:
        described = cast("dict[str, dict[str, dict[str, Document]]]", operations[method.lower()]["responses"])
        for status, response in route.responses.items():
            for media_type, content in cast("dict[str, Document]", response.get("content", {})).items():
                if "example" in content:
                    described[str(status)]["content"][media_type]["example"] = content["example"]


def _without_head(route: APIRoute) -> APIRoute:
    """Leave HEAD out of the document: everybody knows what it does, and an operation needs an id of its own."""
    described = copy(route)
    described.methods = set(route.methods or ()) - {"HEAD"}
    return described


def _complete(method: str, responses: dict[str, object]) -> None:
    responses.pop("422", None)  # FastAPI's status of a wrong field; ours is 400, with the same body as any refusal
    for status in (*_EVERYWHERE, *(() if method in _SAFE_METHODS else _UNSAFE)):
        responses.setdefault(str(status.value), _refusal(status))


def _secure(method: str, path: str, operation: dict[str, object]) -> None:
    """Say whether an operation asks for a key: the padlocks of the Swagger page."""
    if HTTP_RULES.get(f"{method.upper()} {path}") is Permission.NONE:
        operation["security"] = []
        return
    operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    responses = cast("dict[str, object]", operation["responses"])
    for status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
        responses.setdefault(str(status.value), _refusal(status))


def _refusal(status: HTTPStatus) -> dict[str, object]:
    problem = Problem(status, _MEANINGS[status], reason_of(status))
    schema = {"$ref": f"{_SCHEMAS}{ProblemDocument.__name__}"}
    return {
        "description": problem.detail,
        "content": {PROBLEM_MEDIA_TYPE: {"schema": schema, "example": problem.members()}},
    }


def _schemas_of(model: type) -> dict[str, Document]:
    """Describe a model that FastAPI doesn't see, with those that it refers to."""
    schema = TypeAdapter(model).json_schema(ref_template=f"{_SCHEMAS}{{model}}")
    definitions = cast("dict[str, Document]", schema.pop("$defs", {}))
    return {**definitions, model.__name__: schema}
