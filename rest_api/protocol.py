"""HTTP/1.1 as uvicorn speaks it, but not to whom never says what they want."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.h11_impl import H11Protocol

from rest_api.errors import PROBLEM_MEDIA_TYPE, problem_of_status

HEAD_SECONDS = 20.0
"""Time for a request's head, from a connection's first moment or the head's first byte: what the proxy gives, too."""


class PromptProtocol(H11Protocol):
    """Ends a connection whose next request doesn't come: uvicorn waits without end for the head of one that began."""

    head_seconds = HEAD_SECONDS
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take a piece; it may begin a head, end one, or be part of a body."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._unset_head_timer()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._is_between_requests():
            self._unset_head_timer()
        elif self._head_timer is None:  # the next bytes of a head give it no more time
            self._head_timer = self.loop.call_later(self.head_seconds, self._refuse_to_wait)

    def _is_between_requests(self) -> bool:
        # Typed as never None, and None before the first request.
        cycle: object = self.cycle
        return cycle is None or self.cycle.response_complete

    def _unset_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse_to_wait(self) -> None:
        self._head_timer = None
        if self.transport.is_closing() or not self._is_between_requests():
            return
        begun, _ = self.conn.trailing_data
        # Who has said nothing, or still sends a body that was answered, is told nothing.
        if begun and self.conn.our_state is self.conn.their_state:
            self.transport.write(_refusal(self.head_seconds))
        self.transport.close()


def _refusal(head_seconds: float) -> bytes:
    detail = f"the head of the request did not come within {head_seconds:g} seconds"
    body = bytes(problem_of_status(HTTPStatus.REQUEST_TIMEOUT, detail).response().body)
    head = f"HTTP/1.1 408 Request Timeout\r\nContent-Type: {PROBLEM_MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
