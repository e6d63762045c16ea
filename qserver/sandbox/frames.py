"""How parent and child talk: frames over a socket. Standard library only, so that any interpreter can be a child.

A frame is a prefix of 12 bytes (`!IQ`: bytes of the header, bytes of the payload), a header that is a JSON object in
UTF-8, and the payload, raw. A request's header is `{"id": 1, "method": "run", "max_reply_bytes": 1000}`, a reply's
`{"id": 1}` or `{"id": 1, "fault": {...}}` (see `faults`). One request is open at a time. Both sides know a cap before
they read.
"""

import json
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = struct.Struct("!IQ")
MAX_HEADER_BYTES = 32 * 1024
CHANNEL_DESCRIPTOR = 3
"""File descriptor at which a child finds its end of the channel."""

_CHUNK_BYTES = 64 * 1024

Header = Mapping[str, object]


class BadFrame(Exception):  # noqa: N818 - never leaves the sandbox
    """What came is no frame, or passes a cap."""


class HalfFrame(BadFrame):
    """The other side ended in the middle of a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What one side says at a time."""

    header: Header
    payload: bytes


class FrameStream:
    """Frames over a connected stream socket.

    Deadlines are moments of `time.monotonic()`; None waits for ever. Both methods raise TimeoutError past the deadline,
    after which the stream is out of step and of no more use.
    """

    def __init__(self, connection: socket.socket) -> None:
        """Speak over `connection`, which stays the caller's to close."""
        self._connection = connection

    def send(self, frame: Frame, *, deadline: float | None = None) -> None:
        """Send a whole frame. Raises OSError where the other side is gone."""
        header = json.dumps(frame.header, ensure_ascii=False, separators=(",", ":")).encode()
        head = PREFIX.pack(len(header), len(frame.payload)) + header
        self._connection.settimeout(_seconds_until(deadline))
        if len(frame.payload) < _CHUNK_BYTES:
            self._connection.sendall(head + frame.payload)
            return
        self._connection.sendall(head)
        self._connection.settimeout(_seconds_until(deadline))
        self._connection.sendall(frame.payload)

    def receive(self, *, max_payload_bytes: int, deadline: float | None = None) -> Frame | None:
        """Give the next frame, None where the other side ended between frames.

        Raises HalfFrame, and BadFrame for more than one frame, for a header that is no JSON object, and for sizes past
        the caps, before reading so much. Raises OSError where the connection breaks.
        """
        start = bytearray()
        if not self._read_at_least(start, PREFIX.size, deadline):
            return None
        header_bytes, payload_bytes = PREFIX.unpack_from(start)
        _check_sizes(header_bytes, payload_bytes, max_payload_bytes)
        header_end = PREFIX.size + header_bytes
        self._read_at_least(start, header_end, deadline)
        if len(start) - header_end > payload_bytes:
            raise BadFrame("it sent more than one frame")
        header = _parse_header(bytes(start[PREFIX.size : header_end]))
        return Frame(header, self._read_payload(bytes(start[header_end:]), payload_bytes, deadline))

    def _read_at_least(self, received: bytearray, wanted_bytes: int, deadline: float | None) -> bool:
        """Read on until `received` holds `wanted_bytes` or more; False where nothing at all came."""
        while len(received) < wanted_bytes:
            self._connection.settimeout(_seconds_until(deadline))
            chunk = self._connection.recv(_CHUNK_BYTES)
            if not chunk and not received:
                return False
            if not chunk:
                raise HalfFrame("it ended in the middle of a frame")
            received += chunk
        return True

    def _read_payload(self, start: bytes, payload_bytes: int, deadline: float | None) -> bytes:
        if len(start) == payload_bytes:
            return start
        payload = bytearray(payload_bytes)
        payload[: len(start)] = start
        rest = memoryview(payload)[len(start) :]
        while rest:
            self._connection.settimeout(_seconds_until(deadline))
            count = self._connection.recv_into(rest)
            if not count:
                raise HalfFrame("it ended in the middle of a frame")
            rest = rest[count:]
        return bytes(payload)


def _check_sizes(header_bytes: int, payload_bytes: int, max_payload_bytes: int) -> None:
    if not 0 < header_bytes <= MAX_HEADER_BYTES:
        raise BadFrame(f"it sent a header of {header_bytes:,} bytes; the limit is {MAX_HEADER_BYTES:,}")
    if payload_bytes > max_payload_bytes:
        raise BadFrame(f"it sent {payload_bytes:,} bytes; the limit is {max_payload_bytes:,}")


def _parse_header(data: bytes) -> Header:
    try:
        header: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame("it sent a header that is no JSON") from error
    if not isinstance(header, dict):
        raise BadFrame("it sent a header that is no JSON object")
    return header


def _seconds_until(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
