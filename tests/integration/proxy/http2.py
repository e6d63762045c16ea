"""As much of HTTP/2 as one GET and a flood need (RFC 9113, RFC 7541 without compression): httpx wants a package."""

import socket
import struct
from collections.abc import Mapping
from types import MappingProxyType

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS = 0, 1, 3, 4
END_STREAM, END_HEADERS = 1, 4
PSEUDO_HEADERS: Mapping[str, str] = MappingProxyType({":method": "GET", ":scheme": "http", ":authority": "localhost"})
STATUS_200, STATUS_400 = 0x88, 0x8C
"""The first byte of a header block that begins with `:status: 200` or 400 (RFC 7541, appendix A, entries 8 and 12)."""


def get(connection: socket.socket, path: str) -> tuple[bytes, bytes]:
    """Ask for a path; gives the header block as it came, and the body."""
    return ask(connection, {**PSEUDO_HEADERS, ":path": path})


def ask(connection: socket.socket, headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Ask with any headers, as they stand; gives the header block as it came, and the body."""
    connection.sendall(
        PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_STREAM | END_HEADERS, 1, header_block(headers))
    )
    header_bytes, body = b"", b""
    while True:
        kind, flags, stream, payload = _read_frame(connection)
        if stream != 1:
            continue
        header_bytes += payload if kind == HEADERS else b""
        body += payload if kind == DATA else b""
        if flags & END_STREAM and kind in {DATA, HEADERS}:
            return header_bytes, body


def header_block(headers: Mapping[str, str]) -> bytes:
    """Write headers of up to 127 bytes, in the order that HTTP/2 wants: pseudo-headers first."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers.items())


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Write one frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def _read_frame(connection: socket.socket) -> tuple[int, int, int, bytes]:
    head = _read(connection, 9)
    length = int.from_bytes(head[:3], "big")
    return head[3], head[4], int.from_bytes(head[5:], "big"), _read(connection, length)


def _read(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = connection.recv(length - len(found))
        if not piece:
            raise ConnectionError("the server closed the connection")
        found += piece
    return found
