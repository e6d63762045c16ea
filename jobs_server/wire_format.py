"""Protobuf's wire format, as far as it is needed to look at a message without unfolding it.

https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from qserver.errors import InvalidRequest

_VARINT: Final = 0
_LENGTH_DELIMITED: Final = 2
_FIXED_BYTES: Final = {1: 8, 5: 4}
_MAX_VARINT_BITS: Final = 64


class Field(NamedTuple):
    """A field of a message: its number, where it begins with its tag, and where its payload begins and ends."""

    number: int
    begins: int
    payload_begins: int
    ends: int

    @property
    def payload_bytes(self) -> int:
        """The size of what it holds."""
        return self.ends - self.payload_begins


def fields(message: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Give the fields of a message that stands in `message[start:end]`, in order. Raises InvalidRequest if broken."""
    at, end = start, len(message) if end is None else end
    while at < end:
        field = _field(message, at)
        if field.ends > end:
            raise _broken()
        yield field
        at = field.ends


def _field(message: bytes, begins: int) -> Field:
    tag, at = _varint(message, begins)
    kind = tag & 7
    if kind == _LENGTH_DELIMITED:
        size, at = _varint(message, at)
        return Field(tag >> 3, begins, at, at + size)
    if kind == _VARINT:
        _, ends = _varint(message, at)
        return Field(tag >> 3, begins, at, ends)
    if kind in _FIXED_BYTES:
        return Field(tag >> 3, begins, at, at + _FIXED_BYTES[kind])
    raise _broken()  # groups, which nobody writes any more


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Read a number; gives it and where it ends."""
    value = 0
    for shift in range(0, _MAX_VARINT_BITS + 6, 7):
        if at >= len(message):
            raise _broken()
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return value, at
    raise _broken()


def _broken() -> InvalidRequest:
    return InvalidRequest("the message can't be read: it is broken")
