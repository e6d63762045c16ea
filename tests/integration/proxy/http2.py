"""As much of HTTP/2 as one GET needs (RFC 9113, RFC 7541 without compression): httpx would want a package for it."""

import socket
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
STATUS_200 = 0x88
"""The first byte of a header block that begins with `:status: 200` (RFC 7541, appendix A, entry 8)."""


def get(connection: socket.socket, path: str) -> tuple[bytes, bytes]:
    """Ask for a path; gives the header block as it came, and the body."""
    headers = {":method": "GET", ":scheme": "http", ":authority": "localhost", ":path": path}
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers.items())
    connection.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _frame(_HEADERS, _END_STREAM | _END_HEADERS, 1, block))
    header_block, body = b"", b""
    while True:
        kind, flags, stream, payload = _read_frame(connection)
        if stream != 1:
            continue
        header_block += payload if kind == _HEADERS else b""
        body += payload if kind == _DATA else b""
        if flags & _END_STREAM and kind in {_DATA, _HEADERS}:
            return header_block, body


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


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
