"""How much a body may be, and how long it may stop."""

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rest_api.errors import problem_of_status


class BodyMiddleware:
    """Bounds a body while it comes in, whatever its headers claim."""

    def __init__(self, app: ASGIApp, max_bytes: int, idle_seconds: float) -> None:
        """Allow bodies of `max_bytes` that never pause for longer than `idle_seconds`."""
        self._app = app
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that says that it is too large; watch one that comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        claimed = Headers(scope=scope).get("content-length", "0")
        if claimed.isdecimal() and int(claimed) > self._max_bytes:
            # The connection stays: closed under a client that is still sending, it would take the answer with it.
            problem = problem_of_status(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        received_bytes = 0
        is_complete = False

        async def receive_bounded() -> Message:
            nonlocal received_bytes, is_complete
            # After the body only a disconnect comes, which an event stream may wait for all day.
            message = await receive() if is_complete else await self._in_time(receive)
            received_bytes += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received_bytes > self._max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
            return message

        return receive_bounded

    async def _in_time(self, receive: Receive) -> Message:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await receive()
        except TimeoutError:
            detail = f"the body stopped for {self._idle_seconds:g} seconds (QSERVER_MAX_UPLOAD_IDLE_SECONDS)"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, detail) from None

    def _too_large(self) -> str:
        return f"the body is larger than {self._max_bytes:,} bytes (QSERVER_MAX_CALL_BYTES)"
