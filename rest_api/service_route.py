"""The kind of route that this service has.

It answers HEAD where it answers GET, asks who calls before it reads a body, and reads bodies with orjson.
"""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from rest_api.dependencies import identify
from rest_api.json_size import holds_more_values, max_values


class OrjsonRequest(Request):
    """A request whose body is read by orjson: faster, and stricter than the standard library (no NaN, no 1e999)."""

    async def json(self) -> object:
        """Read the body. Raises HTTPException, which FastAPI lets through, for too many values.

        What is no JSON raises a JSONDecodeError, which FastAPI turns into a refusal naming the place.
        """
        body = await self.body()
        most = max_values(self.app.state.services.settings.limits)
        if holds_more_values(body, most):
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body holds more than {most:,} JSON values;"
                " QSERVER_MAX_METADATA_BYTES, QSERVER_MAX_NOISE_MODEL_BYTES and QSERVER_MAX_OBSERVABLE_TERMS make"
                " that limit",
            )
        return orjson.loads(body)


class ServiceRoute(APIRoute):
    """A route of this service."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's own
        """Add HEAD to GET, as Starlette's own routes do and FastAPI's don't. The server leaves the body out."""
        super().__init__(path, endpoint, **options)
        methods = set(self.methods or ())
        self.methods = methods | {"HEAD"} if "GET" in methods else methods

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler, in the way its documentation shows."""
        handle = super().get_route_handler()

        async def handle_orjson(request: Request) -> Response:
            # FastAPI reads the body before it asks any dependency: of strangers we take none.
            await identify(request)
            return await handle(OrjsonRequest(request.scope, request.receive))

        return handle_orjson
