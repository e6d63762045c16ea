"""What holds for jobs of PUBs whatever the connection does."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from qserver.errors import AlreadyExists, ExecutionError, WaitTimeout
from qserver.qiskit import EstimatorV2, QServerBackend, QServerProvider
from qserver.qiskit.messages import estimator_messages
from qserver.qiskit.run_options import run_options
from qserver.rpc.v1 import jobs_pb2


def pubs(*angles: float) -> list[jobs_pb2.Pub]:
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(theta, 0)
    return list(estimator_messages([EstimatorPub.coerce((circuit, "Z", np.array(angles)[:, None]))]))


def spec(request_id: str) -> jobs_pb2.JobSpec:
    named = run_options("aer").spec(jobs_pb2.RESULT_TYPE_EXPVAL)
    named.request_id = request_id
    return named


def slow() -> QuantumCircuit:
    """Some seconds on a core: its states are made 400 times."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(18)
    for layer in range(20):
        for qubit in range(18):
            circuit.rx(angle + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 18)
    return circuit


def test_what_is_sent_again_under_its_name_runs_once(provider: QServerProvider) -> None:
    messages = pubs(0.0, np.pi)

    first = provider.transport.submit_pubs(spec("sent twice"), messages)
    again = provider.transport.submit_pubs(spec("sent twice"), messages)

    assert first.id == again.id
    (found,) = provider.transport.result(first.id)
    np.testing.assert_allclose(np.frombuffer(found.arrays[0].data), [1.0, -1.0], atol=1e-12)
    with pytest.raises(AlreadyExists):
        provider.transport.submit_pubs(spec("sent twice"), pubs(0.0, 0.5))


def test_a_job_of_pubs_can_be_waited_for_again_and_stopped(backend: QServerBackend) -> None:
    job = EstimatorV2(backend=backend).run([(slow(), "Z" * 18, np.linspace(0, 1, 400)[:, None])])

    with pytest.raises(WaitTimeout):
        job.result(timeout_seconds=0.2)
    job.cancel()

    assert job.cancelled()
    assert job.in_final_state()
    with pytest.raises(ExecutionError, match="canceled"):
        job.result()
