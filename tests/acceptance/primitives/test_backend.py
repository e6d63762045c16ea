"""Code written for AerSimulator runs on the server after changing where its backend comes from."""

from copy import deepcopy

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import SamplerV2 as AerSamplerV2

from qserver.errors import ExecutionError, InvalidRequest, UnknownBackend
from qserver.qiskit import QServerBackend, QServerProvider, SamplerV2


def ghz(num_qubits: int = 3) -> QuantumCircuit:
    circuit = QuantumCircuit(num_qubits, num_qubits)
    circuit.h(0)
    for qubit in range(1, num_qubits):
        circuit.cx(0, qubit)
    return circuit


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    circuit.measure(range(circuit.num_qubits), range(circuit.num_qubits))
    return circuit


def test_the_server_lists_its_backends(provider: QServerProvider) -> None:
    names = {backend.name for backend in provider.backends()}

    assert {"aer", "aer_statevector", "aer_stabilizer", "auto"} <= names
    with pytest.raises(UnknownBackend, match="it has: aer"):
        provider.get_backend("ibm_nowhere")


def test_a_seed_gives_the_counts_and_memory_that_aer_gives(backend: QServerBackend) -> None:
    circuits = [measured(ghz(3)), measured(ghz(4))]

    found = backend.run(circuits, shots=200, seed_simulator=5, memory=True).result()

    expected = AerSimulator(method="statevector").run(circuits, shots=200, seed_simulator=5, memory=True).result()
    assert found.get_counts() == expected.get_counts()
    for place in range(2):
        assert found.get_memory(place) == expected.get_memory(place)


def test_saves_at_the_end_become_result_types(backend: QServerBackend) -> None:
    circuit = ghz(3)
    circuit.ry(0.3, 1)
    circuit.save_statevector()
    circuit.save_expectation_value(SparsePauliOp(["ZY", "IX", "II"], [1.0, 0.5, 0.25]), [2, 1], label="energy")
    circuit.save_probabilities([1, 2])

    found = backend.run(circuit).result().data(0)

    expected = AerSimulator(method="statevector").run(circuit).result().data(0)
    assert set(found) == set(expected) - {"counts"}  # of bits that nothing measured
    assert Statevector(found["statevector"]).equiv(Statevector(expected["statevector"]))
    assert found["energy"] == pytest.approx(expected["energy"])
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-12)


def test_a_save_may_stand_before_the_measurements(backend: QServerBackend) -> None:
    circuit = ghz(2)
    circuit.save_expectation_value(SparsePauliOp("XX"), [0, 1])

    found = backend.run(measured(circuit), shots=100).result()

    assert found.data(0)["expectation_value"] == pytest.approx(1.0)
    assert set(found.get_counts()) <= {"00", "11"}
    assert sum(found.get_counts().values()) == 100


def test_probabilities_come_as_a_dictionary_too(backend: QServerBackend) -> None:
    circuit = ghz(3)
    circuit.save_probabilities_dict([0, 2], label="p")

    found = backend.run(circuit).result().data(0)["p"]

    assert found == pytest.approx({0: 0.5, 3: 0.5})
    assert set(found.binary_probabilities()) == {"00", "11"}


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (lambda circuit: circuit.save_density_matrix(), "save_density_matrix has no result type"),
        (lambda circuit: circuit.save_statevector(pershot=True), "leave out pershot"),
        (lambda circuit: (circuit.save_statevector(), circuit.h(0)), "stands before h"),
        (lambda circuit: (circuit.measure(0, 0), circuit.save_statevector()), "stands behind a measurement"),
        (lambda circuit: (circuit.save_probabilities(), circuit.measure(0, 0)), "stands beside measurements"),
        (lambda _: None, "measures nothing and saves nothing"),
    ],
)
def test_what_has_no_result_type_gets_a_sentence(backend: QServerBackend, save: object, words: str) -> None:
    circuit = ghz(2)
    save(circuit)  # type: ignore[operator]

    with pytest.raises(InvalidRequest, match=words):
        backend.run(circuit)


@pytest.mark.parametrize("save", ["save_density_matrix", "save_unitary", "save_matrix_product_state", "save_clifford"])
def test_the_transpiler_leaves_it_to_run_to_refuse_a_save(backend: QServerBackend, save: str) -> None:
    circuit = ghz(2)
    getattr(circuit, save)()

    with pytest.raises(InvalidRequest, match=f"{save} has no result type; the server gives save_statevector"):
        backend.run(transpile(circuit, backend))


def test_parameters_are_bound_as_aer_binds_them(backend: QServerBackend) -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(angle, 0)
    circuit.measure(0, 0)

    found = backend.run([circuit], parameter_binds=[{angle: [0.0, np.pi]}], shots=20).result()

    assert found.get_counts() == [{"0": 20}, {"1": 20}]


def test_a_result_has_the_members_that_aers_has(backend: QServerBackend) -> None:
    found = backend.run(measured(ghz(2)), shots=None, seed_simulator=5).result()

    expected = AerSimulator().run(measured(ghz(2)), shots=None, seed_simulator=5).result()
    assert set(found.to_dict()) == set(expected.to_dict())
    experiment = found.results[0]
    assert set(expected.results[0].to_dict()) <= set(experiment.to_dict())
    assert (experiment.shots, experiment.seed_simulator) == (1024, 5)
    assert found.time_taken == experiment.time_taken > 0
    assert experiment.metadata["shots"] == 1024
    assert repr(backend) == f"QServerBackend('aer' at {backend.transport.url})"


def test_options_of_the_backend_hold_for_all_it_runs(provider: QServerProvider) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0, 1], [1, 0]]))
    backend = provider.get_backend("aer", noise_model=noise, shots=30, method="density_matrix")
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)

    result = backend.run(circuit).result()

    assert result.get_counts() == {"1": 30}
    assert result.results[0].to_dict()["metadata"]["method"] == "density_matrix"
    sampled = SamplerV2.from_backend(backend).run([(circuit,)], shots=10).result()[0]
    assert sampled.data.c.get_counts() == {"1": 10}


def test_one_bad_circuit_refuses_all_and_is_named(backend: QServerBackend) -> None:
    bad = QuantumCircuit(1, 1)
    bad.rx(Parameter("free"), 0)
    bad.measure(0, 0)

    with pytest.raises(InvalidRequest, match="circuit 1: the circuit has 1 unbound parameters: free"):
        backend.run([measured(ghz(2)), bad])


def test_circuits_are_transpiled_for_the_target(backend: QServerBackend) -> None:
    circuit = QuantumCircuit(6, 1)
    block = QuantumCircuit(2, name="block")
    block.h(0)
    block.cx(0, 1)
    circuit.append(block.to_gate(), [0, 1])
    circuit.mcx([0, 1, 2], 5)
    circuit.measure(5, 0)

    ready = transpile(circuit, backend)

    assert set(ready.count_ops()) <= set(backend.target.operation_names)
    assert sum(backend.run(ready, shots=10).result().get_counts().values()) == 10


def test_a_stabilizer_target_has_clifford_gates_alone(provider: QServerProvider) -> None:
    backend = provider.get_backend("aer_stabilizer")

    assert "rx" not in backend.target.operation_names
    ready = transpile(measured(ghz(40)), backend)
    assert set(backend.run(ready, shots=50).result().get_counts()) == {"0" * 40, "1" * 40}


def test_a_noise_model_narrows_the_target_to_its_gates_as_in_aer(provider: QServerProvider) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), ["sx", "x"])
    noise.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    backend, aer = provider.get_backend("aer", noise_model=noise), AerSimulator(noise_model=noise)

    ready = transpile(measured(ghz(3)), backend)

    assert ready.count_ops() == transpile(measured(ghz(3)), aer).count_ops()
    found = backend.run(ready, shots=500, seed_simulator=4).result().get_counts()
    assert found == aer.run(ready, shots=500, seed_simulator=4).result().get_counts()


def test_the_target_follows_the_options(provider: QServerProvider) -> None:
    backend = provider.get_backend("aer")
    assert "rx" in backend.target.operation_names

    backend.set_options(method="stabilizer")

    assert "rx" not in backend.target.operation_names


def test_a_job_tells_where_it_is_and_can_be_stopped(backend: QServerBackend) -> None:
    slow = QuantumCircuit(22, 22)
    for layer in range(60):
        for qubit in range(22):
            slow.rx(0.1 + layer, qubit)
            slow.cx(qubit, (qubit + 1) % 22)
    job = backend.run(measured(slow), shots=10)

    assert job.cancel()

    assert job.status() is JobStatus.CANCELLED
    assert not job.cancel()
    with pytest.raises(ExecutionError, match="canceled"):
        job.result()


def test_the_sampler_equals_aers_on_a_bound_circuit(backend: QServerBackend) -> None:
    pub = (measured(ghz(3)),)

    found = SamplerV2(backend=backend, seed=3).run([pub], shots=100).result()[0]

    expected = (
        AerSamplerV2(seed=3, options={"backend_options": {"method": "statevector"}}).run([pub], shots=100).result()[0]
    )
    assert found.data.c.get_counts() == expected.data.c.get_counts()


def test_a_copy_has_options_of_its_own_and_the_same_server(backend: QServerBackend) -> None:
    copied = deepcopy(backend)
    copied.set_options(shots=77)

    found = copied.run(measured(ghz(2))).result()

    assert sum(found.get_counts().values()) == 77
    assert backend.options.shots == 1024
    assert copied.transport is backend.transport


def test_primitives_that_wrap_any_backend_wrap_this_one(backend: QServerBackend) -> None:
    sampled = BackendSamplerV2(backend=backend).run([measured(ghz(3))], shots=100).result()[0].data.c
    value = BackendEstimatorV2(backend=backend).run([(ghz(2), "XX")], precision=0.1).result()[0].data.evs

    assert backend.num_qubits == 10_000
    assert set(sampled.get_counts()) <= {"000", "111"}
    assert value == pytest.approx(1.0)
