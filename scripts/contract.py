"""Whether clients and servers of other versions still understand `qserver.v1`: `python -m scripts.contract` says.

proto/kept/qserver.v1.binpb holds the contract as clients out there know it. What is in there must stay as it is; at
each release `python -m scripts.contract --keep` puts in what was added.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)

from qserver.rpc.v1 import jobs_pb2

KEPT = Path(__file__).parent.parent / "proto" / "kept" / "qserver.v1.binpb"


def served() -> FileDescriptorProto:
    """Give the contract as this version speaks it."""
    file = FileDescriptorProto()
    jobs_pb2.DESCRIPTOR.CopyToProto(file)
    return file


def kept() -> FileDescriptorProto:
    """Give the contract as clients out there know it."""
    return FileDescriptorProto.FromString(KEPT.read_bytes())


def breaks(old: FileDescriptorProto, new: FileDescriptorProto) -> Iterator[str]:
    """Say, a line each, what of the old contract the new one no longer keeps: on the wire, or in its JSON form."""
    yield from _messages(old.message_type, new.message_type, "")
    yield from _enums(old.enum_type, new.enum_type, "")
    services = {service.name: service for service in new.service}
    for service in old.service:
        yield from _service_breaks(service, services.get(service.name, ServiceDescriptorProto()))


def _messages(old: Iterable[DescriptorProto], new: Iterable[DescriptorProto], within: str) -> Iterator[str]:
    by_name = {message.name: message for message in new}
    for message in old:
        name = f"{within}{message.name}"
        if message.name in by_name:
            yield from _message_breaks(message, by_name[message.name], name)
        else:
            yield f"message {name} is gone"


def _enums(old: Iterable[EnumDescriptorProto], new: Iterable[EnumDescriptorProto], within: str) -> Iterator[str]:
    by_name = {enum.name: enum for enum in new}
    for enum in old:
        numbers = {value.name: value.number for value in by_name.get(enum.name, EnumDescriptorProto()).value}
        for value in enum.value:
            if numbers.get(value.name) != value.number:
                yield f"{within}{enum.name}.{value.name} = {value.number} is gone, or has another number"


def _message_breaks(old: DescriptorProto, new: DescriptorProto, name: str) -> Iterator[str]:
    by_number = {field.number: field for field in new.field}
    for field in old.field:
        if field.number not in by_number:
            yield f"field {name}.{field.name} = {field.number} is gone"
        elif _meaning(old, field) != _meaning(new, by_number[field.number]):
            yield f"field {name}.{field.name} = {field.number} has another name, type or number of values"
    yield from _messages(old.nested_type, new.nested_type, f"{name}.")
    yield from _enums(old.enum_type, new.enum_type, f"{name}.")


def _meaning(message: DescriptorProto, field: FieldDescriptorProto) -> tuple[object, ...]:
    """Give all that the other side must know of a field."""
    oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
    return (field.name, field.json_name, field.type, field.type_name, field.label, field.proto3_optional, oneof)


def _service_breaks(old: ServiceDescriptorProto, new: ServiceDescriptorProto) -> Iterator[str]:
    methods = {method.name: method for method in new.method}
    for method in old.method:
        if methods.get(method.name) != method:
            yield f"{old.name}.{method.name} is gone, or takes or gives something else"


def main(arguments: list[str]) -> int:
    """Compare, and keep what was added where `--keep` says so. Gives the exit status: 1 where something breaks."""
    broken = list(breaks(kept(), served())) if KEPT.exists() else []
    for line in broken:
        print(line)
    if broken:
        return 1
    if "--keep" in arguments:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_bytes(served().SerializeToString(deterministic=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
