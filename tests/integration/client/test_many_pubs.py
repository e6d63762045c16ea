"""Jobs of PUBs that belong together: all of them are submitted, or none goes on."""

from collections.abc import Iterator

import pytest

from qserver.client.patience import Patience
from qserver.errors import InvalidRequest
from qserver.qiskit.transport import Transport
from qserver.rpc.v1 import jobs_pb2
from tests.integration.client.fake_service import FakeJobService
from tests.integration.client.relay import Relay


@pytest.fixture
def transport(relay: Relay) -> Iterator[Transport]:
    address = f"http://127.0.0.1:{relay.port}"
    connected = Transport(address, grpc_url=address, patience=Patience(call_seconds=20))
    yield connected
    connected.close()


def unwritable() -> Iterator[jobs_pb2.Pub]:
    yield jobs_pb2.Pub(source=b"first")
    raise InvalidRequest("circuit second can't be written as QPY")


def test_each_list_is_a_job(service: FakeJobService, transport: Transport) -> None:
    lists = ([jobs_pb2.Pub(source=b"a"), jobs_pb2.Pub(source=b"b")], [jobs_pb2.Pub(source=b"c")])

    job_ids = transport.submit_pub_lists(jobs_pb2.JobSpec(backend="aer"), lists)

    assert job_ids == ["job-0", "job-1"]
    assert service.sources == [b"ab", b"c"]
    assert service.canceled == []


def test_where_a_later_list_cannot_be_written_none_goes_on(service: FakeJobService, transport: Transport) -> None:
    lists = ([jobs_pb2.Pub(source=b"a")], unwritable())

    with pytest.raises(InvalidRequest, match="of the PUBs from 1 on: circuit second can't be written"):
        transport.submit_pub_lists(jobs_pb2.JobSpec(backend="aer"), lists)

    assert service.canceled == ["job-0"]
