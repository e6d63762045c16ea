"""More PUBs than a job may have are several jobs, and one result."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.providers import JobStatus

from qserver import Client
from qserver.errors import Conflict, InvalidRequest
from qserver.jobs import JobStatus as ServerStatus
from qserver.qiskit import EstimatorV2, QServerBackend, SamplerV2
from qserver.rpc.v1 import jobs_pb2
from tests.servers.standalone import Standalone

THETA = Parameter("theta")


def turned() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.ry(THETA, 0)
    return circuit


def slow() -> QuantumCircuit:
    circuit = QuantumCircuit(18)
    for layer in range(20):
        for qubit in range(18):
            circuit.rx(THETA + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 18)
    return circuit


@pytest.fixture
def of_two(backend: QServerBackend) -> QServerBackend:
    """The backend as a server describes it that takes two PUBs a job."""
    backend.max_pubs = 2
    return backend


@pytest.mark.timeout(300)
def test_more_pubs_than_the_servers_limit_come_back_in_order(backend: QServerBackend) -> None:
    circuit, number = turned(), backend.max_pubs + 3
    angles = np.linspace(0, np.pi, number)

    job = EstimatorV2(backend=backend).run([(circuit, "Z", [angle]) for angle in angles])
    result = job.result()

    assert backend.max_pubs == 1000
    assert len(job.job_ids) == 2
    np.testing.assert_allclose([float(pub.data.evs) for pub in result], np.cos(angles), atol=1e-9)


def test_a_seed_gives_each_pub_the_same_shots_in_one_job_or_in_several(of_two: QServerBackend) -> None:
    circuit = turned()
    circuit.measure_all()
    unmeasured = QuantumCircuit(1, 1)
    pubs = [(circuit, [0.7]), (unmeasured,), (circuit, [1.4]), (circuit, [2.1]), (circuit, [0.3])]
    of_two.max_pubs = 1000
    together = SamplerV2(backend=of_two, seed=3).run(pubs).result()
    of_two.max_pubs = 2

    parted = SamplerV2(backend=of_two, seed=3).run(pubs)

    assert len(parted.job_ids) == 2
    for found, expected in zip(parted.result(), together, strict=True):
        for name in expected.data:
            np.testing.assert_array_equal(found.data[name].array, expected.data[name].array)


def test_the_id_names_all_jobs_and_cancelling_stops_them(of_two: QServerBackend) -> None:
    job = EstimatorV2(backend=of_two).run([(slow(), "Z" * 18, np.linspace(0, 1, 200)[:, None])] * 3)

    assert job.job_id().split(",") == list(job.job_ids)
    assert job.status() in {JobStatus.QUEUED, JobStatus.RUNNING}
    job.cancel()

    assert job.cancelled()
    assert {of_two.transport.job(job_id).status for job_id in job.job_ids} == {jobs_pb2.JOB_STATUS_CANCELED}
    with pytest.raises(Conflict, match="is over"):
        job.cancel()


def test_where_a_later_job_is_refused_the_pub_is_named_and_none_goes_on(
    of_two: QServerBackend, box: Standalone
) -> None:
    first = [(slow(), "Z" * 18, np.linspace(0, 1, 200)[:, None])] * 2

    with pytest.raises(InvalidRequest, match=r"of the PUBs from 2 on: PUB 1: .* NaN or infinite"):
        EstimatorV2(backend=of_two).run([*first, (turned(), "Z", [0.1]), (turned(), "Z", [float("nan")])])

    with Client(box.url) as client:
        (newest,) = client.jobs(limit=1)
        assert newest.status is ServerStatus.CANCELED
