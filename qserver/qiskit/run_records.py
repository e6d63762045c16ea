"""How a result came to be, for the metadata of Qiskit's results."""

from google.protobuf.json_format import MessageToDict

from qserver.rpc.v1 import jobs_pb2


def run_metadata(run: jobs_pb2.RunRecord) -> dict[str, object]:
    """Give what the server tells of a run, by the names of its interface."""
    return MessageToDict(run, preserving_proto_field_name=True)
