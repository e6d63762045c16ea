"""Circuits that arrive in pieces: put together, within limits, and forgotten whole if they stop half-way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from jobs_server.limits import check_source_size
from qserver.errors import InvalidRequest, Overloaded, TooLarge
from qserver.settings import LimitSettings

Message = TypeVar("Message")
Header = TypeVar("Header")

_MAX_UPLOADS_OF_FULL_SIZE = 64


class UploadRoom:
    """Memory for uploads under way, all callers together: many slow clients must not fill the machine."""

    def __init__(self, limits: LimitSettings) -> None:
        """Have room for a number of circuits of the largest size."""
        self._limits = limits
        self._max_bytes = limits.max_circuit_bytes * _MAX_UPLOADS_OF_FULL_SIZE
        self._used_bytes = 0

    @contextmanager
    def upload(self) -> "Iterator[Upload]":
        """Open an upload; its room is given back at the end of the block, however it ends."""
        upload = Upload(self, self._limits)
        try:
            yield upload
        finally:
            self._used_bytes -= upload.size_bytes

    def reserve(self, size_bytes: int) -> None:
        """Take room for one more piece. Raises Overloaded where there is none."""
        if self._used_bytes + size_bytes > self._max_bytes:
            raise Overloaded(f"uploads under way fill the {self._max_bytes:,} bytes there are for them; try again")
        self._used_bytes += size_bytes


class Upload:
    """One circuit on its way in."""

    def __init__(self, room: UploadRoom, limits: LimitSettings) -> None:
        """Begin empty."""
        self._room = room
        self._limits = limits
        # Not a list: of pieces of a byte or none it would take many times the room that was reserved for them.
        self._source = bytearray()
        self._held_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How much of it has come, and how much room it takes."""
        return len(self._source) + self._held_bytes

    def hold(self, size_bytes: int) -> None:
        """Take room for a PUB that the caller keeps. Raises TooLarge past the limit, Overloaded where there is none."""
        total_bytes = self._held_bytes + size_bytes
        if total_bytes > self._limits.max_call_bytes:
            raise TooLarge(
                f"PUBs are {total_bytes:,} bytes or more; the limit is {self._limits.max_call_bytes:,} "
                "(QSERVER_MAX_CALL_BYTES)"
            )
        self._room.reserve(size_bytes)
        self._held_bytes = total_bytes

    def add(self, piece: bytes) -> None:
        """Append a piece. Raises TooLarge as soon as the limit is passed, Overloaded where there is no room."""
        check_source_size(len(self._source) + len(piece), self._limits)
        self._room.reserve(len(piece))
        self._source += piece

    def source(self) -> bytes:
        """Give the circuit, whole."""
        return bytes(self._source)

    async def messages(self, stream: AsyncIterator[Message]) -> AsyncIterator[Message]:
        """Give the messages of a client's stream.

        Raises InvalidRequest where it falls silent without ending, and where it never ends.
        """
        ends_at = asyncio.get_running_loop().time() + self._limits.max_upload_seconds
        while True:
            silent_at = asyncio.get_running_loop().time() + self._limits.max_upload_idle_seconds
            try:
                async with asyncio.timeout_at(min(silent_at, ends_at)):
                    message = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise self._too_slow(is_silent=silent_at < ends_at) from None
            yield message

    def _too_slow(self, *, is_silent: bool) -> InvalidRequest:
        if is_silent:
            return InvalidRequest(
                f"the upload stopped half-way: nothing came for {self._limits.max_upload_idle_seconds:g} s"
                " (QSERVER_MAX_UPLOAD_IDLE_SECONDS)"
            )
        return InvalidRequest(
            f"the upload did not end within {self._limits.max_upload_seconds:g} s (QSERVER_MAX_UPLOAD_SECONDS)"
        )


async def receive(
    stream: AsyncIterator[Message],
    upload: Upload,
    *,
    part: Callable[[Message], Header | bytes | None],
    header_name: str,
) -> Header:
    """Read a client's stream to its end: one header first, then pieces, which go to `upload`. Gives the header.

    `part` takes a message apart; None is an empty one. Raises InvalidRequest where the order is another, or where the
    client falls silent.
    """
    header: Header | None = None
    async for message in upload.messages(stream):
        match part(message):
            case None:
                raise InvalidRequest(f"a message was empty; it carries {header_name} or a piece of the circuit")
            case bytes() if header is None:
                raise InvalidRequest(f"a piece of the circuit came first; the first message carries {header_name}")
            case bytes() as piece:
                upload.add(piece)
            case _ if header is not None:
                raise InvalidRequest(f"{header_name} came twice; a call submits one job")
            case found:
                header = found
    if header is None:
        raise InvalidRequest(f"nothing was sent; the first message carries {header_name}")
    return header
