"""Connections of one address on which something was begun and left open."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from tests.integration.proxy import http2

HEAD_OF_HTTP_1 = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HEAD_OF_HTTP_2 = (
    http2.PREFACE
    + http2.frame(http2.SETTINGS, 0, 0, b"")
    + http2.frame(http2.HEADERS, 0, 1, http2.header_block({":method": "POST", ":scheme": "http"}))
)
HANDSHAKE_OF_TLS = b"\x16\x03\x01\x02\x00\x01"


@dataclass(frozen=True, slots=True)
class Held:
    """Connections of one address on which something was begun."""

    connections: list[socket.socket]

    @property
    def open(self) -> int:
        """How many the proxy has not closed."""
        return sum(not _is_closed(connection) for connection in self.connections)


def _is_closed(connection: socket.socket) -> bool:
    try:
        with suppress(ConnectionError):
            while connection.recv(65536):  # what the proxy says first, as HTTP/2 wants it
                pass
    except BlockingIOError:
        return False
    return True


@contextmanager
def holding(port: int, words: bytes, address: str, attempts: int) -> Iterator[Held]:
    """Begin something on many connections of one address, and leave it open."""
    with ExitStack() as opened:
        held = Held([])
        for _ in range(attempts):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(address, 0))
            opened.callback(connection.close)
            held.connections.append(connection)
            with suppress(ConnectionError):  # it may be hung up on already
                connection.sendall(words)
            connection.setblocking(False)
        yield held
