"""The kind of route that this service has.

It answers HEAD where it answers GET, asks who calls before it reads a body, and reads bodies with orjson.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

from rest_api.dependencies import identify
from rest_api.json_size import holds_more_values, max_values
from rest_api.request_body import RequestBody, checked

SMALL_BODY_BYTES = 64 * 1024
"""Read where it is: going to a thread takes longer. The largest bodies take a quarter of a second."""


class BodyRequest(Request):
    """A request whose body is read by orjson: faster, and stricter than the standard library (no NaN, no 1e999)."""

    def __init__(self, scope: Scope, receive: Receive, kind: type[RequestBody]) -> None:
        """Take what the body is to be."""
        super().__init__(scope, receive)
        self._kind = kind

    async def json(self) -> RequestBody:
        """Read and check the body; of what is one already, FastAPI checks nothing again.

        Raises WrongBody, or HTTPException for too many values. What is no JSON raises a JSONDecodeError, which
        FastAPI turns into a refusal naming the place.
        """
        body = await self.body()
        most = max_values(self.app.state.services.settings.limits)
        if len(body) <= SMALL_BODY_BYTES:
            return _read(body, self._kind, most_values=most)
        return await run_in_threadpool(_read, body, self._kind, most_values=most)


def _read(body: bytes, kind: type[RequestBody], *, most_values: int) -> RequestBody:
    if holds_more_values(body, most_values):
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body holds more than {most_values:,} JSON values;"
            " QSERVER_MAX_METADATA_BYTES, QSERVER_MAX_NOISE_MODEL_BYTES and QSERVER_MAX_OBSERVABLE_TERMS make"
            " that limit",
        )
    return checked(orjson.loads(body), kind)


class ServiceRoute(APIRoute):
    """A route of this service."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's own
        """Add HEAD to GET, as Starlette's own routes do and FastAPI's don't. The server leaves the body out."""
        super().__init__(path, endpoint, **options)
        methods = set(self.methods or ())
        self.methods = methods | {"HEAD"} if "GET" in methods else methods

    @property
    def body_kind(self) -> type[RequestBody] | None:
        """What the route takes as its body; None where it takes none."""
        return None if self.body_field is None else cast("type[RequestBody]", self.body_field.field_info.annotation)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler, in the way its documentation shows."""
        handle, kind = super().get_route_handler(), self.body_kind

        async def handle_body(request: Request) -> Response:
            # FastAPI reads the body before it asks any dependency: of strangers we take none.
            await identify(request)
            return await handle(request if kind is None else BodyRequest(request.scope, request.receive, kind))

        return handle_body
