"""The noise of a device of 127 qubits: a megabyte of JSON, sent once a call, and shown by its hash alone."""

import json
from typing import Final

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_aer.primitives import SamplerV2 as AerSamplerV2

from qserver import AsyncClient, Client
from qserver.qiskit import EstimatorV2, QServerBackend, QServerProvider, SamplerV2
from qserver.rpc.v1 import jobs_pb2
from tests.servers.standalone import Standalone

QUBITS: Final = 127
SMALL_BYTES: Final = 2000
"""More than a job takes to tell of, and far less than a noise model."""


@pytest.fixture(scope="module")
def noise() -> NoiseModel:
    """Errors of gates and of readout, of each qubit and each pair its own."""
    line = [[qubit, qubit + 1] for qubit in range(QUBITS - 1)]
    return NoiseModel.from_backend(GenericBackendV2(QUBITS, coupling_map=line, seed=7))


@pytest.fixture(scope="module")
def text(noise: NoiseModel) -> str:
    """What would go over the wire."""
    return json.dumps(noise.to_dict(serializable=True))


@pytest.fixture
def noisy(provider: QServerProvider, noise: NoiseModel) -> QServerBackend:
    return provider.get_backend("aer", noise_model=noise)


def ghz(noise: NoiseModel) -> QuantumCircuit:
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.measure(range(3), range(3))
    return transpile(circuit, basis_gates=noise.basis_gates, optimization_level=0)


def is_told_in_few_bytes(message: jobs_pb2.Job) -> bool:
    return message.ByteSize() < SMALL_BYTES


def test_counts_of_backend_run_are_those_of_aer_in_process(noisy: QServerBackend, noise: NoiseModel, text: str) -> None:
    circuit = ghz(noise)

    counts = noisy.run(circuit, shots=2000, seed_simulator=5).result().get_counts()

    assert counts == AerSimulator(noise_model=noise).run(circuit, shots=2000, seed_simulator=5).result().get_counts()
    assert len(counts) > 2, "the noise shows"
    assert len(text) > 500_000


def test_counts_of_a_sampler_are_those_of_aers(noisy: QServerBackend, noise: NoiseModel) -> None:
    circuit = ghz(noise)
    aer = AerSamplerV2(seed=9, options={"backend_options": {"noise_model": noise}})

    sampled = SamplerV2(backend=noisy, seed=9).run([(circuit,)], shots=1000).result()[0]

    assert sampled.data.c.get_counts() == aer.run([(circuit,)], shots=1000).result()[0].data.c.get_counts()


def test_a_model_may_be_given_to_a_primitive(backend: QServerBackend, noise: NoiseModel) -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    for _ in range(201):
        circuit.x(0)
    circuit.rz(angle, 0)
    estimator = EstimatorV2(backend=backend, options={"backend_options": {"noise_model": noise}})

    (found,) = estimator.run([(circuit, SparsePauliOp("Z"), {angle: np.linspace(0, 1, 5)})], precision=0.02).result()

    assert found.data.evs.shape == (5,)
    assert -0.99 < np.mean(found.data.evs) < -0.5


def test_hundreds_of_jobs_share_one_model_and_every_list_stays_small(
    box: Standalone, noisy: QServerBackend, noise: NoiseModel, text: str
) -> None:
    circuit = ghz(noise)

    job = noisy.run([circuit] * 300, shots=10)
    result = job.result(timeout=300)

    assert sum(sum(counts.values()) for counts in result.get_counts()) == 3000
    told = noisy.transport.job(job.job_ids[0])
    assert is_told_in_few_bytes(told)
    with Client(box.url) as client:
        newest = next(client.watch_jobs(limit=1))
        listed = list(client.jobs(limit=50))
        stored = client.job(job.job_ids[-1]).noise_model()
    assert all(len(json.dumps(dict(each.options))) < SMALL_BYTES for each in (newest, *listed))
    sent = [{name: value for name, value in error.items() if name != "id"} for error in json.loads(text)["errors"]]
    assert stored == {"errors": sent}


async def test_a_model_in_the_options_of_a_plain_client_is_taken_too(box: Standalone, text: str) -> None:
    source = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; x q[0]; cx q[0],q[1]; measure q -> c;'
    options = {"noise_model": json.loads(text)}

    async with AsyncClient(box.url) as client:
        job = await client.submit(source, backend="aer", shots=500, options=options)
        result = await job.result(timeout_seconds=120)
        stored = await job.noise_model()

    assert sum((result.counts or {}).values()) == 500
    assert isinstance(stored, dict)
    assert len(stored["errors"]) == len(options["noise_model"]["errors"])
