"""Messages of protobuf of any shape, made from their descriptors."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from google.protobuf import descriptor, message, message_factory
from hypothesis import strategies as st

MAX_DEPTH: Final = 3
"""Below it, fields that are messages stay empty: a Struct holds itself."""

_FIELD = descriptor.FieldDescriptor
_NUMBERS: Mapping[int, "st.SearchStrategy[object]"] = MappingProxyType(
    {
        _FIELD.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
        _FIELD.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
        _FIELD.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
        _FIELD.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
        _FIELD.CPPTYPE_DOUBLE: st.floats(),
        _FIELD.CPPTYPE_FLOAT: st.floats(width=32),
        _FIELD.CPPTYPE_BOOL: st.booleans(),
        _FIELD.CPPTYPE_ENUM: st.integers(-(2**31), 2**31 - 1) | st.integers(0, 6),
    }
)
WORDS = ("aer", "aer_statevector", "fake-vigo", "", "{}", '{"shots": 10}', "\0", "OPENQASM 2.0; qreg q[1];", "ZZ")
_TEXTS = st.text(max_size=20) | st.sampled_from(WORDS)


def messages(kind: descriptor.Descriptor, depth: int = 0) -> "st.SearchStrategy[message.Message]":
    """Give messages of a kind: any of its fields set to anything, or left out."""
    make = message_factory.GetMessageClass(kind)
    fields = {field.name: _values(field, depth) for field in kind.fields if _is_within(field, depth)}
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: _filled(make, values))


def _is_within(field: descriptor.FieldDescriptor, depth: int) -> bool:
    return field.cpp_type != _FIELD.CPPTYPE_MESSAGE or depth < MAX_DEPTH


def _values(field: descriptor.FieldDescriptor, depth: int) -> "st.SearchStrategy[object]":
    value = _value(field, depth)
    return st.lists(value, max_size=3) if field.is_repeated else value


def _value(field: descriptor.FieldDescriptor, depth: int) -> "st.SearchStrategy[object]":
    if field.message_type is not None:
        return messages(field.message_type, depth + 1)
    if field.cpp_type == _FIELD.CPPTYPE_STRING:
        return st.binary(max_size=40) if field.type == _FIELD.TYPE_BYTES else _TEXTS
    return _NUMBERS[field.cpp_type]


def _filled(make: Callable[[], message.Message], values: Mapping[str, object]) -> message.Message:
    """Fill a message by its wire form: later members of a oneof replace earlier ones, as they do from a client."""
    filled = make()
    for name, value in values.items():
        _set(filled, name, value)
    return filled


def _set(filled: message.Message, name: str, value: object) -> None:
    field = filled.DESCRIPTOR.fields_by_name[name]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _fill_map(filled, name, value)
    elif field.is_repeated and isinstance(value, list):
        getattr(filled, name).extend(value)
    elif isinstance(value, message.Message):
        getattr(filled, name).CopyFrom(value)
    else:
        setattr(filled, name, value)


def _fill_map(filled: message.Message, name: str, entries: object) -> None:
    assert isinstance(entries, list)
    for entry in entries:
        getattr(filled, name)[entry.key].CopyFrom(entry.value)
