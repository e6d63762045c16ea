"""Clients and servers of neighbouring versions understand each other: what clients out there know stays as it is."""

from collections.abc import Callable

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from qserver.rpc.v1 import jobs_pb2
from scripts.contract import breaks, kept, served


def test_the_contract_keeps_what_clients_know() -> None:
    assert list(breaks(kept(), served())) == []


def test_what_an_older_client_does_not_know_it_passes_over() -> None:
    newer = FileDescriptorProto()
    newer.CopyFrom(served())
    newer.message_type[0].field.add(name="new", number=10_000)

    assert list(breaks(served(), newer)) == []
    assert list(breaks(newer, served())) == [f"field {newer.message_type[0].name}.new = 10000 is gone"]


def _message(file: FileDescriptorProto, name: str) -> int:
    return [message.name for message in file.message_type].index(name)


def _rename_a_field(file: FileDescriptorProto) -> None:
    file.message_type[_message(file, "Job")].field[0].name = "identity"


def _retype_a_field(file: FileDescriptorProto) -> None:
    file.message_type[_message(file, "Job")].field[0].type = FieldDescriptorProto.TYPE_INT32


def _leave_a_oneof(file: FileDescriptorProto) -> None:
    file.message_type[_message(file, "SubmitJobRequest")].field[0].ClearField("oneof_index")


def _remove_a_message(file: FileDescriptorProto) -> None:
    del file.message_type[_message(file, "Job")]


def _renumber_a_value(file: FileDescriptorProto) -> None:
    file.enum_type[0].value[1].number = 99


def _remove_an_rpc(file: FileDescriptorProto) -> None:
    del file.service[0].method[0]


def _stop_streaming(file: FileDescriptorProto) -> None:
    next(method for method in file.service[0].method if method.name == "WatchJob").server_streaming = False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_rename_a_field, "field Job.id = 1"),
        (_retype_a_field, "field Job.id = 1"),
        (_leave_a_oneof, "field SubmitJobRequest.spec = 1"),
        (_remove_a_message, "message Job is gone"),
        (_renumber_a_value, "RESULT_TYPE_COUNTS = 1"),
        (_remove_an_rpc, "JobService.SubmitJob is gone"),
        (_stop_streaming, "JobService.WatchJob is gone"),
    ],
)
def test_a_change_that_breaks_clients_is_named(change: Callable[[FileDescriptorProto], None], said: str) -> None:
    changed = served()

    change(changed)

    assert any(said in line for line in breaks(served(), changed))


def test_messages_of_a_newer_server_are_read_by_an_older_client() -> None:
    written = jobs_pb2.Job(id="the-job", message="why").SerializeToString() + b"\x82\x7d\x03new"  # field 2000

    assert jobs_pb2.Job.FromString(written).id == "the-job"
