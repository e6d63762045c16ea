"""The kind of route that this service has: answers HEAD where it answers GET, and reads bodies with orjson."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute


class OrjsonRequest(Request):
    """A request whose body is read by orjson: faster, and stricter than the standard library (no NaN, no 1e999)."""

    async def json(self) -> object:
        """Read the body. Raises a JSONDecodeError, which FastAPI turns into a refusal naming the place."""
        return orjson.loads(await self.body())


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
            return await handle(OrjsonRequest(request.scope, request.receive))

        return handle_orjson
