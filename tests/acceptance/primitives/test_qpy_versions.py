"""Circuits are written in a version of QPY that the server says it reads."""

import pytest
from qiskit import QuantumCircuit, qpy

from qserver import AsyncClient, Client
from qserver.errors import InvalidRequest
from qserver.qiskit import EstimatorV2, QServerBackend, QServerProvider, SamplerV2
from tests.servers.standalone import Standalone

NOBODYS = (90,)


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


@pytest.fixture
def of_a_later_server(provider: QServerProvider) -> QServerBackend:
    """The backend as a server describes it that reads no version of ours."""
    backend = provider.get_backend("aer")
    backend.qpy_versions = NOBODYS
    return backend


def test_the_server_lists_what_its_qiskit_reads(backend: QServerBackend) -> None:
    assert backend.qpy_versions == tuple(range(13, qpy.QPY_VERSION + 1))


def test_each_way_to_run_says_where_there_is_no_common_version(of_a_later_server: QServerBackend) -> None:
    unmeasured = bell().remove_final_measurements(inplace=False)

    for run in (
        lambda: of_a_later_server.run(bell()),
        lambda: SamplerV2(backend=of_a_later_server).run([bell()]),
        lambda: EstimatorV2(backend=of_a_later_server).run([(unmeasured, "ZZ")]),
    ):
        with pytest.raises(InvalidRequest, match="the server reads 90 to 90: install another Qiskit here"):
            run()


async def test_a_client_asks_once_what_the_server_reads(box: Standalone) -> None:
    with Client(box.url) as client:
        assert set(client.run(bell()).counts) <= {"00", "11"}
        assert client._connection.qpy_versions("auto") == tuple(range(13, qpy.QPY_VERSION + 1))
        client._connection._qpy_versions = {"auto": NOBODYS}
        with pytest.raises(InvalidRequest, match="the server reads 90 to 90"):
            client.submit([bell()])

    async with AsyncClient(box.url) as client_in_asyncio:
        assert set((await client_in_asyncio.run(bell())).counts) <= {"00", "11"}
        client_in_asyncio._connection._qpy_versions = {"auto": NOBODYS}
        with pytest.raises(InvalidRequest, match="the server reads 90 to 90"):
            await client_in_asyncio.submit([bell()])
