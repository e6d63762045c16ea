"""Shots of the server are those of Qiskit's own samplers, PUB by PUB."""

import warnings

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray, SamplerPubResult, StatevectorSampler
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_aer.primitives import SamplerV2 as AerSamplerV2

from qserver.errors import InvalidRequest
from qserver.qiskit import QServerBackend, SamplerV2

A, B = Parameter("a"), Parameter("b")


def two_registers() -> QuantumCircuit:
    """Eleven bits in two registers, of which one crosses a byte."""
    qubits, wide, narrow = QuantumRegister(3), ClassicalRegister(9, "wide"), ClassicalRegister(2, "narrow")
    circuit = QuantumCircuit(qubits, wide, narrow)
    circuit.ry(A, 0)
    circuit.cx(0, 1)
    circuit.rx(A + 2 * B, 2)
    circuit.measure([0, 1, 2], [wide[8], narrow[0], wide[3]])
    return circuit


def assert_same_shots(found: SamplerPubResult, expected: SamplerPubResult) -> None:
    assert found.data.shape == expected.data.shape
    assert set(found.data) == set(expected.data)
    for name in found.data:
        mine, theirs = found.data[name], expected.data[name]
        assert isinstance(mine, BitArray)
        assert (mine.shape, mine.num_bits, mine.num_shots) == (theirs.shape, theirs.num_bits, theirs.num_shots)
        np.testing.assert_array_equal(mine.array, theirs.array)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (2, 1, 3)])
def test_a_seed_gives_the_shots_that_aer_gives(backend: QServerBackend, shape: tuple[int, ...]) -> None:
    table = np.random.default_rng(3).uniform(-np.pi, np.pi, (*shape, 2))
    pub = (two_registers(), table, 200)

    found = SamplerV2(backend=backend, seed=11).run([pub]).result()[0]

    assert_same_shots(found, AerSamplerV2(seed=11).run([pub]).result()[0])


@pytest.mark.parametrize("shape", [(), (4,), (2, 2), (2, 1, 2), (0,), (2, 0)])
def test_sure_outcomes_are_those_of_the_statevector(backend: QServerBackend, shape: tuple[int, ...]) -> None:
    halves = np.random.default_rng(4).integers(0, 2, (*shape, 2))
    pub = (two_registers(), np.pi * halves, 50)

    found = SamplerV2(backend=backend).run([pub]).result()[0]

    assert_same_shots(found, StatevectorSampler().run([pub]).result()[0])


def test_shots_are_distributed_as_they_should_be(backend: QServerBackend) -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(A, 0)
    circuit.measure_all()
    angles = np.linspace(0, np.pi, 9)

    found = SamplerV2(backend=backend, default_shots=20_000).run([(circuit, angles[:, None])]).result()[0]

    ones = np.array([found.data.meas.get_int_counts(place).get(1, 0) for place in range(9)]) / 20_000
    expected = np.sin(angles / 2) ** 2
    sigma = np.sqrt(expected * (1 - expected) / 20_000)
    assert np.all(np.abs(ones - expected) <= 6 * sigma + 1e-9)


def test_pubs_of_different_shots_are_one_job(backend: QServerBackend) -> None:
    circuit = two_registers()
    pubs = [(circuit, [np.pi, 0.0], 10), (circuit, [[0.0, np.pi / 2], [np.pi, 0.0]], 30), (circuit, [0.0, 0.0])]

    found = SamplerV2(backend=backend, default_shots=7).run(pubs).result()

    expected = StatevectorSampler(default_shots=7).run(pubs).result()
    for mine, theirs in zip(found, expected, strict=True):
        assert_same_shots(mine, theirs)
        assert mine.metadata["shots"] == theirs.metadata["shots"]


def test_a_circuit_without_measurements_reads_zeros(backend: QServerBackend) -> None:
    circuit = QuantumCircuit(2, 3)
    circuit.h(0)
    pubs = [(two_registers(), [np.pi, 0.0]), (circuit,)]

    found = SamplerV2(backend=backend).run(pubs, shots=5).result()

    for mine, theirs in zip(found, StatevectorSampler().run(pubs, shots=5).result(), strict=True):
        assert_same_shots(mine, theirs)
    alone = SamplerV2(backend=backend).run([(circuit,)], shots=5)
    assert alone.done()
    assert_same_shots(alone.result()[0], StatevectorSampler().run([(circuit,)], shots=5).result()[0])


def test_a_circuit_without_registers_warns(backend: QServerBackend) -> None:
    with pytest.warns(UserWarning, match="no classical registers"):
        found = SamplerV2(backend=backend).run([(QuantumCircuit(1),)]).result()[0]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_same_shots(found, StatevectorSampler().run([(QuantumCircuit(1),)]).result()[0])


def test_a_parameter_inside_a_branch_is_bound_too(backend: QServerBackend) -> None:
    circuit = QuantumCircuit(1, 2)
    circuit.rx(A, 0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(B, 0)
    circuit.measure(0, 1)

    table = [[np.pi, np.pi], [np.pi, 0.0], [0.0, np.pi]]
    found = SamplerV2(backend=backend).run([(circuit, table)], shots=20).result()[0]

    assert [found.data.c.get_counts(place) for place in range(3)] == [{"01": 20}, {"11": 20}, {"00": 20}]


def test_noise_of_readout_travels(backend: QServerBackend) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0, 1], [1, 0]]))
    circuit = QuantumCircuit(2)
    circuit.rx(A, 0)
    circuit.measure_all()
    sampler = SamplerV2(backend=backend, options={"backend_options": {"noise_model": noise}})

    found = sampler.run([(circuit, [[0.0], [np.pi]])], shots=20).result()[0]

    assert [found.data.meas.get_counts(place) for place in range(2)] == [{"11": 20}, {"10": 20}]


def test_too_many_shots_are_refused_before_anything_runs(backend: QServerBackend) -> None:
    with pytest.raises(InvalidRequest, match="QSERVER_MAX_RESULT_BYTES"):
        SamplerV2(backend=backend).run([(two_registers(), np.zeros((100, 2)))], shots=10_000_000)
