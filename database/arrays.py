"""Lists as arrays of PostgreSQL, written in one go.

psycopg finds out what a list holds from its items, each time anew: forty calls of Python for each list, of which a lone
job takes some forty. Here the column says what its items are.

An array begins with the number of dimensions, whether any item is NULL, and the oid of the items' type; for its one
dimension follow the number of items and the first's index. Each item is preceded by its length, -1 for NULL
(`array_recv` in PostgreSQL's source). What items look like is said by the types' own functions: `int8recv` and so on.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    DateTime,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.types import TypeEngine

from database.types import write_json
from qserver.json_types import JsonValue

Write: TypeAlias = Callable[[Any], bytes]
"""Writes an item that is not None, its length before it."""
Process: TypeAlias = Callable[[Any], object]

_HEADER: Final = struct.Struct(">iiIii").pack
_NO_ITEMS: Final = struct.Struct(">iiI").pack
_LENGTH: Final = struct.Struct(">i").pack
_NULL: Final = _LENGTH(-1)
_UUID_LENGTH: Final = _LENGTH(16)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_JSONB_VERSION: Final = b"\x01"


class Binary(bytes):
    """An array as the server reads it; each kind of array has a class of its own, by which psycopg knows its oid."""

    __slots__ = ()
    item_oid: int


class _BinaryDumper(Dumper):
    """Hands it on."""

    format = Format.BINARY

    def dump(self, obj: Binary) -> Binary:
        return obj


def _kind(item: str) -> type[Binary]:
    found = psycopg.adapters.types[item]
    kind = type(f"{item}_array", (Binary,), {"item_oid": found.oid, "__slots__": ()})
    dumper = type(f"{item}_array_dumper", (_BinaryDumper,), {"oid": found.array_oid})
    psycopg.adapters.register_dumper(kind, dumper)
    return kind


_BOOLS: Final = _kind("bool")
_BYTES: Final = _kind("bytea")
_FLOATS: Final = _kind("float8")
_INTEGERS: Final = _kind("int8")
_JSONBS: Final = _kind("jsonb")
_MOMENTS: Final = _kind("timestamptz")
_TEXTS: Final = _kind("text")
_UUIDS: Final = _kind("uuid")


class Array(TypeDecorator[Sequence[object]]):
    """The type of a parameter that takes a list of the values of a column. For PostgreSQL."""

    impl = ARRAY
    cache_ok = True

    def __init__(self, item_type: TypeEngine[Any]) -> None:
        """Take items of a column's type."""
        super().__init__(item_type, dimensions=1)
        self.item_type = item_type

    def bind_processor(self, dialect: Dialect) -> Process:
        """Give what writes a list; one that holds what its column can't is left to psycopg, which knows what to say."""
        item_type = self.item_type.dialect_impl(dialect)
        process = item_type.bind_processor(dialect) if isinstance(item_type, TypeDecorator) else None
        kind, write = _writer(item_type.impl_instance if isinstance(item_type, TypeDecorator) else item_type)

        def write_array(items: Sequence[object]) -> object:
            values = items if process is None else [process(item) for item in items]
            try:
                return kind(write_binary(values, kind.item_oid, write))
            except (struct.error, TypeError, AttributeError, UnicodeError):
                return list(values)

        return write_array


def write_binary(items: Sequence[object], item_oid: int, write: Write) -> bytes:
    """Write items of one type as an array of one dimension. Raises what `write` does."""
    if not items:
        return _NO_ITEMS(0, 0, item_oid)
    written = [_NULL if item is None else write(item) for item in items]
    return _HEADER(1, _NULL in written, item_oid, len(items), 1) + b"".join(written)


def _writer(item_type: TypeEngine[Any]) -> tuple[type[Binary], Write]:
    for known, kind, write in _WRITERS:
        if isinstance(item_type, known):
            return kind, write
    raise TypeError(f"lists of {item_type!r} are not written here")


def _write_bytes(content: bytes) -> bytes:
    return _LENGTH(len(content)) + content


def _write_text(text: str) -> bytes:
    return _write_bytes(text.encode())


def _write_jsonb(document: JsonValue) -> bytes:
    return _write_bytes(_JSONB_VERSION + write_json(document).encode())


def _write_uuid(number: UUID) -> bytes:
    return _UUID_LENGTH + number.bytes


def _write_moment(moment: datetime) -> bytes:
    return _write_int8((moment - _EPOCH) // _MICROSECOND)


_write_int8: Final = partial(struct.Struct(">iq").pack, 8)
_write_float8: Final = partial(struct.Struct(">id").pack, 8)
_write_bool: Final = partial(struct.Struct(">i?").pack, 1)

_WRITERS: Final[Sequence[tuple[type[TypeEngine[Any]], type[Binary], Write]]] = (
    (Uuid, _UUIDS, _write_uuid),
    (String, _TEXTS, _write_text),
    (Integer, _INTEGERS, _write_int8),
    (JSON, _JSONBS, _write_jsonb),
    (Float, _FLOATS, _write_float8),
    (DateTime, _MOMENTS, _write_moment),
    (LargeBinary, _BYTES, _write_bytes),
    (Boolean, _BOOLS, _write_bool),
)
