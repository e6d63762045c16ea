"""JSON from outside, made into values that every database we use can keep and give back unchanged."""

import json
import math
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.struct_pb2 import Struct, Value

from qserver.errors import InvalidRequest, TooLarge
from qserver.json_types import JsonObject, JsonValue

MAX_DEPTH = 32
METADATA_SETTING = "QSERVER_MAX_METADATA_BYTES"
_LARGEST_EXACT_INTEGER = 2**53  # a double holds every whole number up to here
_MAX_STRUCT_OVERHEAD = 5  # `1, ` of JSON takes 11 bytes in a Struct: what is larger by more is refused unread
_MIN_VALUE_BYTES = 2  # of JSON: `[]` around another
_MAX_SHOWN_KEY = 100


def check_size(size_bytes: int, *, name: str, max_bytes: int, setting: str = METADATA_SETTING) -> None:
    """Raise TooLarge naming the thing, both sizes and the setting."""
    if size_bytes > max_bytes:
        raise TooLarge(f"{name} is {size_bytes:,} bytes; the limit is {max_bytes:,} ({setting})")


def parse_object(text: str, *, name: str, max_bytes: int) -> JsonObject:
    """Read a JSON object from text. Raises InvalidRequest or TooLarge naming `name`."""
    check_size(len(text.encode()), name=name, max_bytes=max_bytes)
    return _read_object(lambda: json.loads(text), name=name, form="a JSON object, e.g. {}")


def check_struct_size(size_bytes: int, *, name: str, max_bytes: int, setting: str = METADATA_SETTING) -> None:
    """Raise TooLarge for a protobuf Struct that is larger than any of `max_bytes` as JSON, going by its bytes alone."""
    if size_bytes > max_bytes * _MAX_STRUCT_OVERHEAD:
        raise TooLarge(f"{name} is far more than {max_bytes:,} bytes; that is the limit ({setting})")


def from_struct(struct: Struct, *, name: str, max_bytes: int, setting: str = METADATA_SETTING) -> JsonObject:
    """Read a JSON object from a protobuf Struct; whole numbers that a double holds exactly become integers.

    Raises InvalidRequest or TooLarge naming `name`, the latter with the setting that limits it.
    """
    if not struct.fields:
        return {}
    struct_bytes = struct.ByteSize()
    check_struct_size(struct_bytes, name=name, max_bytes=max_bytes, setting=setting)
    _check_number(struct, struct_bytes, name=name, most=max_bytes // _MIN_VALUE_BYTES, setting=setting)
    value = _checked_object(_struct_object(struct), name=name, depth=1)
    size_bytes = len(json.dumps(value, ensure_ascii=False).encode())
    check_size(size_bytes, name=name, max_bytes=max_bytes, setting=setting)
    return value


def parse_document(text: bytes, *, name: str, max_bytes: int, setting: str) -> JsonObject:
    """Read a JSON object as `from_struct` would: whole numbers become integers, those no double holds exactly doubles.

    Raises InvalidRequest or TooLarge naming `name`, the latter with the setting that limits it.
    """
    check_size(len(text), name=name, max_bytes=max_bytes, setting=setting)
    return _read_object(
        lambda: json.loads(text.decode(), parse_float=_whole_of, parse_int=_whole_of), name=name, form="a JSON object"
    )


def _read_object(read: Callable[[], object], *, name: str, form: str) -> JsonObject:
    try:
        value = read()
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:
        raise InvalidRequest(f"{name} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} must be {form}, and is {_kind(value)}")
    return _checked_object(value, name=name, depth=1)


def number_of_values(struct: Struct, *, most: int) -> int:
    """Count the values in a Struct, all levels together; where there are more than `most`, some number above that."""
    number = 0
    for value in struct.fields.values():
        number += 1 + _number_within(value, most=most - number)
        if number > most:
            break
    return number


def _check_number(struct: Struct, struct_bytes: int, *, name: str, most: int, setting: str) -> None:
    """Refuse before it is unfolded what holds more values than JSON of the limit could."""
    if struct_bytes > most and number_of_values(struct, most=most) > most:
        raise TooLarge(f"{name} holds more than {most:,} values, and would be too large as JSON ({setting})")


def to_struct(value: JsonObject) -> Struct:
    """Write a JSON object as a protobuf Struct; numbers become doubles."""
    return Struct(fields={key: _to_value(item) for key, item in value.items()})


def _too_deep(name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} nests deeper than {MAX_DEPTH} levels")


def _kind(value: object) -> str:
    kinds = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")


def _checked_object(value: Mapping[str, object], *, name: str, depth: int) -> JsonObject:
    if depth > MAX_DEPTH:
        raise _too_deep(name)
    return {
        # Of a long key only its beginning: with all of it each of its members would have a long name.
        _checked_text(key, name=name): _checked(item, name=f"{name}.{key[:_MAX_SHOWN_KEY]}", depth=depth)
        for key, item in value.items()
    }


def _checked(value: object, *, name: str, depth: int) -> JsonValue:
    match value:
        case None | bool():
            return value
        case int() | float():
            return _checked_number(value, name=name)
        case str():
            return _checked_text(value, name=name)
        case Mapping():
            return _checked_object(value, name=name, depth=depth + 1)
        case Sequence():
            if depth >= MAX_DEPTH:
                raise _too_deep(name)
            return [_checked(item, name=name, depth=depth + 1) for item in value]
        case _:
            raise InvalidRequest(f"{name} holds a {type(value).__name__}, which JSON can't say")


def _checked_number(value: float, *, name: str) -> int | float:
    try:
        is_finite = math.isfinite(value)
    except OverflowError:  # an integer past the largest double
        is_finite = False
    if not is_finite:
        raise InvalidRequest(f"{name} is no finite number that a double can hold")
    return value


def _checked_text(text: str, *, name: str) -> str:
    # Postgres keeps neither in jsonb: a job that holds one would fail only when it is stored.
    if "\0" in text or not (text.isascii() or _is_unicode(text)):
        raise InvalidRequest(f"{_printable(name)} holds a NUL character or half a surrogate pair")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _struct_object(struct: Struct) -> dict[str, object]:
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "number_value":
            return _whole(value.number_value)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _struct_object(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case _:  # null_value, or nothing set
            return None


def _whole(number: float) -> int | float:
    is_exact = math.isfinite(number) and number.is_integer() and abs(number) <= _LARGEST_EXACT_INTEGER
    return int(number) if is_exact else number


def _number_within(value: Value, *, most: int) -> int:
    match value.WhichOneof("kind"):
        case "struct_value":
            return number_of_values(value.struct_value, most=most)
        case "list_value":
            number = 0
            for item in value.list_value.values:
                number += 1 + _number_within(item, most=most - number)
                if number > most:
                    break
            return number
        case _:
            return 0


def _whole_of(digits: str) -> int | float:
    return _whole(float(digits))


def _to_value(value: JsonValue) -> Value:
    match value:
        case None:
            return Value(null_value=0)  # type: ignore[arg-type]  # the only member of google.protobuf.NullValue
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case Mapping():
            return Value(struct_value=to_struct(value))
        case _:
            result = Value()
            result.list_value.values.extend(_to_value(item) for item in value)
            return result
