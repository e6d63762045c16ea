"""Our values as msgpack, to and from a child. Bytes stay bytes; what comes back is checked, never trusted.

A frozen dataclass becomes a map of its fields, a frozenset or tuple an array, a StrEnum its text. Whole numbers past 64
bits, which JSON allows and msgpack doesn't, become an extension of type 1 that holds their decimal digits.
"""

import dataclasses
from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TypeVar, cast

import msgpack
from pydantic import JsonValue, TypeAdapter, ValidationError

from qserver.errors import QServerError

MAX_CONTAINERS = 2_000_000
"""Lists and maps in one message. An empty map is 1 byte on the wire and 64 in memory: bytes alone bound little."""

MAX_ITEMS = 20_000_000
"""Items of one list or map."""

_BIG_INTEGER = 1

T = TypeVar("T")


class CodecError(QServerError):
    """A value can't be packed, or bytes don't hold what they should."""


def pack(value: object) -> bytes:
    """Put a value into msgpack. Raises CodecError for types that have no form there, and for endless nesting."""
    try:
        return cast("bytes", msgpack.packb(value, default=_reduce))
    except (TypeError, ValueError, OverflowError) as error:
        raise CodecError(f"a {type(value).__name__} can't be sent: {error}") from error


def unpack(kind: type[T], data: bytes) -> T:
    """Make a `kind` of what `pack` wrote. Raises CodecError naming the field at fault."""
    budget = _Budget()
    try:
        plain: object = msgpack.unpackb(
            data,
            list_hook=budget.count_list,
            object_hook=budget.count_map,
            ext_hook=_read_extension,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
        )
        return cast("T", _adapter(cast("Hashable", kind)).validate_python(plain))
    except ValidationError as error:
        raise CodecError(f"no proper {kind.__name__}: {_first_fault(error)}") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise CodecError(f"no proper {kind.__name__}: {error}") from error


def prepare(*kinds: type) -> None:
    """Build now what the first `unpack` of each kind would have to: up to 20 ms each."""
    for kind in kinds:
        _adapter(kind)


class _Budget:
    """Counts what a message unfolds to, and stops it in time."""

    def __init__(self) -> None:
        self._left = MAX_CONTAINERS

    def count_list(self, items: list[object]) -> list[object]:
        self._spend()
        return items

    def count_map(self, items: dict[str, object]) -> dict[str, object]:
        self._spend()
        return items

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"it holds more than {MAX_CONTAINERS:,} lists and maps")


def _reduce(value: object) -> object:
    """Put what msgpack doesn't know into what it does; one level, it comes back for the rest."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _field_names(type(value))}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return list(value)
    if isinstance(value, int):
        return msgpack.ExtType(_BIG_INTEGER, str(value).encode())
    raise TypeError(f"it holds a {type(value).__name__}")


@lru_cache(maxsize=256)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@lru_cache(maxsize=256)
def _adapter(kind: Hashable) -> TypeAdapter[object]:
    adapter = TypeAdapter[object](cast("type", kind))
    # The type of JSON in qserver.json_types names itself in its own definition: pydantic needs its twin in its own way.
    adapter.rebuild(force=True, _types_namespace={"JsonValue": JsonValue})
    return adapter


def _read_extension(code: int, data: bytes) -> int:
    if code != _BIG_INTEGER:
        raise ValueError(f"it holds an extension of unknown type {code}")
    return int(data)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
