"""Jobs of PUBs on the deployed services: PostgreSQL, RabbitMQ, workers apart."""

import httpx
import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp

from qserver.errors import Conflict, NotFound
from qserver.qiskit import EstimatorV2, QServerBackend, QServerProvider, SamplerV2
from tests.acceptance.deployment import Deployment


@pytest.fixture
def backend(deployment: Deployment) -> QServerBackend:
    return QServerProvider(deployment.http_url, grpc_url=f"http://{deployment.grpc_address}").get_backend()


def test_pubs_travel_through_all_services_and_back(backend: QServerBackend) -> None:
    ansatz = efficient_su2(4, reps=1)
    table = np.random.default_rng(2).uniform(-np.pi, np.pi, (3, 1, ansatz.num_parameters))
    flipped = QuantumCircuit(2)
    flipped.x(1)
    flipped.measure_all()
    pubs = [
        (ansatz, ["ZZZZ", "XIIX"], table),
        (ansatz, SparsePauliOp(["IIYY"], [0.5]), table[0, 0]),
        (ansatz, "Z" * 4, table[:0]),
    ]

    values = EstimatorV2(backend=backend).run(pubs).result()
    shots = SamplerV2(backend=backend).run([(flipped,), (flipped, None, 3)], shots=5).result()

    for mine, theirs in zip(values, StatevectorEstimator().run(pubs).result(), strict=True):
        np.testing.assert_allclose(mine.data.evs, theirs.data.evs, atol=1e-12)
        assert mine.data.evs.shape == theirs.data.evs.shape
    for mine, theirs in zip(
        shots, StatevectorSampler().run([(flipped,), (flipped, None, 3)], shots=5).result(), strict=True
    ):
        np.testing.assert_array_equal(mine.data.meas.array, theirs.data.meas.array)


def test_a_job_of_pubs_that_is_over_can_be_deleted_with_all_it_left(
    backend: QServerBackend, deployment: Deployment
) -> None:
    job = EstimatorV2(backend=backend).run([(efficient_su2(2), "ZZ", np.zeros((2, 16)))])
    job.result()

    documents = httpx.get(f"{deployment.http_url}/api/v1/job/{job.job_id()}/results", timeout=30).json()["results"]
    assert [array["shape"] for document in documents for array in document["arrays"]] == [[2], [2]]
    with pytest.raises(Conflict):
        job.cancel()
    backend.transport.delete(job.job_id())

    with pytest.raises(NotFound):
        backend.transport.job(job.job_id())
    assert deployment.faults_in_logs() == []
