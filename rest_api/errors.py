"""From errors to HTTP: one table of statuses, one document (RFC 9457), one set of handlers.

Every refusal of this service has the same body, `application/problem+json`, with the original service's `msg` kept as a
member: an unknown route, a wrong field, a database that is away and a fault of ours alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import cast

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from qserver.errors import (
    AlreadyExists,
    Conflict,
    InvalidCircuit,
    NotFound,
    Overloaded,
    PermissionDenied,
    QServerError,
    QuotaExceeded,
    ReachedLimit,
    Reason,
    RequestError,
    RetryableError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from rest_api.patterns import WORDS

_LOG: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PROBLEM_MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
MAX_FAULTS = 20  # one body can hold a million wrong fields; its refusal must not be larger than it
MAX_PLACE_LENGTH = 200
INTERNAL_DETAIL = "something went wrong inside the service; its log says what"

STATUSES: Mapping[type[QServerError], HTTPStatus] = MappingProxyType(
    {
        RequestError: HTTPStatus.BAD_REQUEST,  # InvalidRequest, InvalidCircuit and UnknownBackend are kinds of it
        TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        NotFound: HTTPStatus.NOT_FOUND,
        AlreadyExists: HTTPStatus.CONFLICT,
        Conflict: HTTPStatus.CONFLICT,
        Unauthenticated: HTTPStatus.UNAUTHORIZED,
        PermissionDenied: HTTPStatus.FORBIDDEN,
        QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
        RetryableError: HTTPStatus.SERVICE_UNAVAILABLE,
        Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
        QServerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
"""The one table from the classes of `qserver.errors` to HTTP; a class that is missing takes its parent's status."""

_REASONS: Mapping[HTTPStatus, Reason] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: Reason.UNAUTHENTICATED,
        HTTPStatus.NOT_FOUND: Reason.NOT_FOUND,
        HTTPStatus.FORBIDDEN: Reason.PERMISSION_DENIED,
        HTTPStatus.CONFLICT: Reason.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Reason.TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS: Reason.QUOTA_EXCEEDED,
        HTTPStatus.SERVICE_UNAVAILABLE: Reason.UNAVAILABLE,
        HTTPStatus.INTERNAL_SERVER_ERROR: Reason.INTERNAL,
    }
)
_RETRY_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One wrong field. `field` is its place, e.g. `query.cursor` or `body.shots`."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a refused caller is told. `line` and `column` count from 1 in the circuit's source."""

    status: HTTPStatus
    detail: str
    reason: Reason
    line: int | None = None
    column: int | None = None
    faults: Sequence[FieldFault] = ()
    limit: ReachedLimit | None = None

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Render as `application/problem+json`; statuses that ask to come back say when."""
        seconds = RETRY_AFTER_SECONDS if self.limit is None else self.limit.retry_after_seconds
        retry = {"Retry-After": str(seconds)} if self.status in _RETRY_LATER else {}
        return Response(
            orjson.dumps(self.members()),
            status_code=self.status,
            headers={**retry, **(headers or {})},
            media_type=PROBLEM_MEDIA_TYPE,
        )

    def members(self) -> Mapping[str, object]:
        """Give the document's members; those that don't apply are left out."""
        optional = {"line": self.line, "column": self.column, "errors": self.faults or None, "limit": self.limit}
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "reason": self.reason,
            "msg": self.detail,
            **{name: value for name, value in optional.items() if value is not None},
        }


def status_of(error: QServerError) -> HTTPStatus:
    """Find the status of an error's class, or of its nearest ancestor in the table."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem_of(error: QServerError) -> Problem:
    """Describe an error. One that is our own fault keeps its details to the log."""
    status = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(status, INTERNAL_DETAIL, Reason.INTERNAL)
    line, column = (error.line, error.column) if isinstance(error, InvalidCircuit) else (None, None)
    limit = error.limit if isinstance(error, QuotaExceeded) else None
    return Problem(status, error.message, error.reason, line, column, limit=limit)


def problem_of_status(status_code: int, detail: str) -> Problem:
    """Describe a refusal that the framework decided on: unknown route, wrong method, body too large."""
    status = HTTPStatus(status_code)
    return Problem(status, detail, reason_of(status))


def reason_of(status: HTTPStatus) -> Reason:
    """Give the reason of a refusal that has none of its own."""
    return _REASONS.get(status, Reason.INVALID_REQUEST)


class WrongBody(HTTPException):
    """A body whose members are wrong.

    An HTTPException, as FastAPI lets nothing else through from where it reads one.
    """

    def __init__(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Keep what Pydantic found, as it writes that."""
        super().__init__(HTTPStatus.BAD_REQUEST)
        self.faults = faults


def problem_of_faults(written: Sequence[Mapping[str, object]]) -> Problem:
    """Describe wrong fields, written as Pydantic does; the sentence names each of the first ones."""
    # A parameter that a dependency shares with its route is found wrong twice.
    found = dict.fromkeys(FieldFault(_place(fault), _sentence(fault)) for fault in written[: 2 * MAX_FAULTS])
    faults = tuple(found)[:MAX_FAULTS]
    detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
    return Problem(HTTPStatus.BAD_REQUEST, detail, Reason.INVALID_REQUEST, faults=faults)


def _place(fault: Mapping[str, object]) -> str:
    # Names of unknown members are the caller's own, and may be long.
    return ".".join(map(str, cast("Sequence[object]", fault["loc"])))[:MAX_PLACE_LENGTH]


def _sentence(fault: Mapping[str, object]) -> str:
    context = cast("Mapping[str, object]", fault.get("ctx", {}))
    match fault["type"]:
        case "json_invalid":  # what it is broken by stands in the context alone
            return f"{fault['msg']}: {context['error']}"
        case "string_pattern_mismatch":
            return WORDS[str(context["pattern"])]
        case _:
            return str(fault["msg"])


def internal_problem() -> Problem:
    """Describe a fault of ours, without its details."""
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, INTERNAL_DETAIL, Reason.INTERNAL)


class ErrorHandlers:
    """The handlers of every error that a route may raise. `allowed_methods` tells which methods a path has."""

    def __init__(self, allowed_methods: Callable[[str], frozenset[str]]) -> None:
        """Keep the catalogue of routes: the router itself names only the first one that matches."""
        self._allowed_methods = allowed_methods

    def install(self, app: FastAPI) -> None:
        """Register with the application."""
        # Starlette types a handler by what it may be given at most: any Exception.
        app.add_exception_handler(QServerError, self._on_qserver_error)  # type: ignore[arg-type]
        app.add_exception_handler(RequestValidationError, self._on_validation_error)  # type: ignore[arg-type]
        app.add_exception_handler(WrongBody, self._on_wrong_body)  # type: ignore[arg-type]
        app.add_exception_handler(HTTPException, self._on_http_exception)  # type: ignore[arg-type]

    async def _on_qserver_error(self, _request: Request, error: QServerError) -> Response:
        problem = problem_of(error)
        if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("request_failed", exc_info=error)
        headers = {"WWW-Authenticate": "Bearer"} if problem.status is HTTPStatus.UNAUTHORIZED else None
        return problem.response(headers)

    async def _on_validation_error(self, _request: Request, error: RequestValidationError) -> Response:
        return problem_of_faults(error.errors()).response()

    async def _on_wrong_body(self, _request: Request, error: WrongBody) -> Response:
        return problem_of_faults(error.faults).response()

    async def _on_http_exception(self, request: Request, error: HTTPException) -> Response:
        path = request.scope["path"]
        if error.status_code == HTTPStatus.NOT_FOUND:
            return problem_of_status(error.status_code, f"there is nothing at {path}; see /docs").response()
        if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return problem_of_status(error.status_code, error.detail).response(error.headers)
        allow = {"Allow": ", ".join(sorted(self._allowed_methods(path) | {"OPTIONS"}))}
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=allow)
        return problem_of_status(error.status_code, f"{path} does not answer {request.method}").response(allow)
