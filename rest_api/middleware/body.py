"""How much a body may be, and all of them together, and how long one may stop."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qserver.settings import LimitSettings
from rest_api.errors import problem_of_status

_LARGEST_BODIES = 8
"""Bodies of the largest size that may be held at once; of usual ones, thousands."""


@dataclass(slots=True)
class _Body:
    """A body on its way in."""

    size_bytes: int = 0


class BodyMiddleware:
    """Bounds a body while it comes in, whatever its headers claim."""

    def __init__(self, app: ASGIApp, limits: LimitSettings) -> None:
        """Allow bodies of a size, that never pause for long and come to an end."""
        self._app = app
        self._limits = limits
        self._most_held_bytes = limits.max_call_bytes * _LARGEST_BODIES
        self._held_bytes = 0

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
        body = _Body()
        try:
            await self._app(scope, self._bounded(receive, body), send)
        finally:
            self._held_bytes -= body.size_bytes

    def _bounded(self, receive: Receive, body: _Body) -> Receive:
        is_complete = False
        ends_at = asyncio.get_running_loop().time() + self._limits.max_upload_seconds

        async def receive_bounded() -> Message:
            nonlocal is_complete
            # After the body only a disconnect comes, which an event stream may wait for all day.
            message = await receive() if is_complete else await self._in_time(receive, ends_at)
            self._hold(body, len(message.get("body", b"")))
            is_complete = not message.get("more_body", False)
            return message

        return receive_bounded

    def _hold(self, body: _Body, piece_bytes: int) -> None:
        if body.size_bytes + piece_bytes > self._limits.max_call_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
        if self._held_bytes + piece_bytes > self._most_held_bytes:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, self._too_many())
        body.size_bytes += piece_bytes
        self._held_bytes += piece_bytes

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

    def _too_many(self) -> str:
        return f"bodies under way fill the {self._most_held_bytes:,} bytes there are for them; try again"

    def _too_large(self) -> str:
        return f"the body is larger than {self._limits.max_call_bytes:,} bytes (QSERVER_MAX_CALL_BYTES)"
