"""Room for calls under way: however many clients come, the service takes no more than it can hold."""

from collections.abc import Iterator
from contextlib import contextmanager

from qserver.errors import Overloaded
from qserver.settings import JobsServerSettings, LimitSettings

_LARGEST_CALLS = 16
"""Calls of the largest size (QSERVER_MAX_CALL_BYTES) whose requests may be held at once; of usual ones, thousands."""


class CallRoom:
    """Counts the calls under way and the bytes of their requests. For one event loop."""

    def __init__(self, settings: JobsServerSettings, limits: LimitSettings) -> None:
        """Hold nothing yet."""
        self._max_calls = settings.grpc_calls
        self._max_bytes = limits.max_call_bytes * _LARGEST_CALLS
        self._calls = 0
        self._bytes = 0

    @contextmanager
    def call(self, request_bytes: int) -> Iterator[None]:
        """Hold a call for the time of the block. Raises Overloaded where there is no room for it.

        The bytes of a request that comes in pieces are counted as they come, elsewhere: pass 0.
        """
        if self._calls >= self._max_calls:
            raise Overloaded(f"{self._calls:,} calls are under way; the limit is QSERVER_GRPC_CALLS; try again")
        if self._bytes + request_bytes > self._max_bytes:
            raise Overloaded(f"calls under way fill the {self._max_bytes:,} bytes there are for them; try again")
        self._calls += 1
        self._bytes += request_bytes
        try:
            yield
        finally:
            self._calls -= 1
            self._bytes -= request_bytes
