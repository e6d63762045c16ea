"""How much a body may be, and how long it may stop."""

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qserver.settings import LimitSettings
from rest_api.errors import problem_of_status


class BodyMiddleware:
    """Bounds a body while it comes in, whatever its headers claim."""

    def __init__(self, app: ASGIApp, limits: LimitSettings) -> None:
        """Allow bodies of a size, that never pause for long and come to an end."""
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that says that it is too large; watch one that comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        claimed = Headers(scope=scope).get("content-length", "0")
        if claimed.isdecimal() and int(claimed) > self._limits.max_call_bytes:
            # The connection stays: closed under a client that is still sending, it would take the answer with it.
            problem = problem_of_status(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        received_bytes = 0
        is_complete = False
        ends_at = asyncio.get_running_loop().time() + self._limits.max_upload_seconds

        async def receive_bounded() -> Message:
            nonlocal received_bytes, is_complete
            # After the body only a disconnect comes, which an event stream may wait for all day.
            message = await receive() if is_complete else await self._in_time(receive, ends_at)
            received_bytes += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received_bytes > self._limits.max_call_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
            return message

        return receive_bounded

    async def _in_time(self, receive: Receive, ends_at: float) -> Message:
        silent_at = asyncio.get_running_loop().time() + self._limits.max_upload_idle_seconds
        try:
            async with asyncio.timeout_at(min(silent_at, ends_at)):
                return await receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, self._too_slow(is_silent=silent_at < ends_at)) from None

    def _too_slow(self, *, is_silent: bool) -> str:
        if is_silent:
            idle_seconds = self._limits.max_upload_idle_seconds
            return f"the body stopped for {idle_seconds:g} seconds (QSERVER_MAX_UPLOAD_IDLE_SECONDS)"
        return f"the body did not end within {self._limits.max_upload_seconds:g} seconds (QSERVER_MAX_UPLOAD_SECONDS)"

    def _too_large(self) -> str:
        return f"the body is larger than {self._limits.max_call_bytes:,} bytes (QSERVER_MAX_CALL_BYTES)"
