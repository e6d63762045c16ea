"""A handle of many circuits asks the server little, and waits by being told."""

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus, JobTimeoutError

from qserver.errors import NotFound
from qserver.qiskit import QServerBackend, QServerProvider
from qserver.qiskit.circuit_job import QServerJob
from tests.servers.standalone import Standalone

CIRCUITS = 30


def coin() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    return circuit


def slow() -> QuantumCircuit:
    circuit = QuantumCircuit(22, 22)
    for layer in range(60):
        for qubit in range(22):
            circuit.rx(0.1 + layer, qubit)
            circuit.cx(qubit, (qubit + 1) % 22)
    circuit.measure(range(22), range(22))
    return circuit


def test_the_state_of_many_is_that_of_each(backend: QServerBackend) -> None:
    job = backend.run([coin()] * CIRCUITS, shots=10)
    job.result()

    statuses = backend.transport.statuses(job.job_ids)

    assert statuses == {job_id: backend.transport.job(job_id).status for job_id in job.job_ids}


def test_what_is_over_is_not_asked_for_again(box: Standalone) -> None:
    provider = QServerProvider(box.url)
    job = provider.get_backend().run([coin()] * CIRCUITS, shots=10)

    job.wait_for_final_state(timeout=60)
    provider.transport.close()

    assert job.status() is JobStatus.DONE
    assert not job.cancel()
    assert len(job.result().get_counts()) == CIRCUITS


def test_waiting_too_long_raises_what_qiskits_jobs_raise(backend: QServerBackend) -> None:
    job = backend.run(slow(), shots=10)

    with pytest.raises(JobTimeoutError, match="not over yet"):
        job.wait_for_final_state(timeout=0.2)
    job.cancel()
    job.wait_for_final_state(timeout=60)

    assert job.status() is JobStatus.CANCELLED


def test_a_callback_hears_where_it_is_until_it_is_over(backend: QServerBackend) -> None:
    heard: list[JobStatus] = []
    job = backend.run(slow(), shots=10)

    def stop(_: str, status: JobStatus, told: QServerJob) -> None:
        heard.append(status)
        told.cancel()

    job.wait_for_final_state(timeout=60, wait=0.1, callback=stop)

    assert set(heard) <= {JobStatus.QUEUED, JobStatus.RUNNING}
    assert heard
    assert job.status() is JobStatus.CANCELLED


def test_a_job_that_was_deleted_is_not_found(backend: QServerBackend) -> None:
    job = backend.run([coin()] * CIRCUITS, shots=10)
    job.wait_for_final_state(timeout=60)
    backend.transport.delete(job.job_ids[3])

    with pytest.raises(NotFound):
        backend.transport.statuses(job.job_ids)
