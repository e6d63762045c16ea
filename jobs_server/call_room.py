"""Room for calls under way: however many clients come, the service takes no more than it can hold."""

from collections.abc import Iterator
from contextlib import contextmanager

from qserver.access.shares import Shares, holder_of
from qserver.addresses import network_of
from qserver.errors import Overloaded
from qserver.identity import Identity
from qserver.settings import JobsServerSettings, LimitSettings

_LARGEST_CALLS = 6
"""Calls of the largest size (QSERVER_MAX_CALL_BYTES) that may be held at once; of usual ones, thousands.

gRPC takes up to ten times their bytes while it receives and unfolds them.
"""

_OPEN_SHARE = 20
"""Streams that anybody may open, without a key, are at most this part of the calls, beside which they are counted."""

_CLIENT_SHARE = 2
"""One user has at most this part of the calls under way, so that others always find room."""

_STRANGER_SHARE = 4
"""One address has at most this part of the streams that need no key."""


class CallRoom:
    """Counts the calls under way and the bytes of their requests. For one event loop."""

    def __init__(self, settings: JobsServerSettings, limits: LimitSettings) -> None:
        """Hold nothing yet."""
        self._max_calls = settings.grpc_calls
        self._max_bytes = limits.max_call_bytes * _LARGEST_CALLS
        self._max_open_streams = max(1, settings.grpc_calls // _OPEN_SHARE)
        self._max_of_client = max(1, settings.grpc_calls // _CLIENT_SHARE)
        self._max_of_stranger = max(1, self._max_open_streams // _STRANGER_SHARE)
        self._of_clients = Shares()
        self._of_strangers = Shares()
        self._open_streams = 0
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

    @contextmanager
    def of_client(self, caller: Identity) -> Iterator[None]:
        """Count a call that is held as one of a caller's, once it is known whose it is.

        Raises Overloaded where the caller has so many that others would find no room.
        """
        holder = holder_of(caller)
        if self._of_clients.held(holder) >= self._max_of_client:
            raise Overloaded(
                f"user {caller.name} has {self._max_of_client:,} calls under way; the limit is 1/{_CLIENT_SHARE} of "
                "QSERVER_GRPC_CALLS, as others need room too; try again"
            )
        with self._of_clients.take(holder):
            yield

    @contextmanager
    def open_stream(self, address: str) -> Iterator[None]:
        """Hold a stream of somebody who was asked for no key. Raises Overloaded where there are too many.

        Strangers who open them and stay must not take the room of those who may come in, nor of one another.
        """
        holder = network_of(address)
        if self._of_strangers.held(holder) >= self._max_of_stranger:
            raise Overloaded(
                f"{self._max_of_stranger:,} streams are open from {address} that need no key; the limit is "
                f"1/{_OPEN_SHARE * _STRANGER_SHARE} of QSERVER_GRPC_CALLS; close some"
            )
        if self._open_streams >= self._max_open_streams:
            raise Overloaded(
                f"{self._open_streams:,} streams are open that need no key; the limit is 1/{_OPEN_SHARE} of "
                "QSERVER_GRPC_CALLS; try again"
            )
        self._open_streams += 1
        try:
            with self._of_strangers.take(holder):
                yield
        finally:
            self._open_streams -= 1
