"""Counts: physics by law, drawn samples against exact distributions, seeds against Aer itself."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, qasm2
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector, random_clifford
from qiskit_aer import AerSimulator

from plugins.aer import drawing
from plugins.aer.stabilizer_sampling import support_of_circuit
from qserver.results import ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.running import BELL, HEADER2, LIMITS, PLUGIN, counts_of, memory_of, observable, result_of, task_of

BACKENDS = ["aer", "aer_statevector", "aer_density_matrix", "aer_stabilizer", "aer_matrix_product_state"]
SAMPLES = {ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.MEMORY}


def ghz(num_qubits: int) -> str:
    gates = "".join(f"cx q[{i}],q[{i + 1}];\n" for i in range(num_qubits - 1))
    return HEADER2 + f"qreg q[{num_qubits}];\ncreg c[{num_qubits}];\nh q[0];\n{gates}measure q -> c;\n"


def measured(seed: int, num_qubits: int = 4) -> QuantumCircuit:
    """A random circuit whose outcomes go to bits in another order, over two registers, one bit unwritten."""
    circuit = QuantumCircuit(num_qubits, name="random")
    circuit.compose(random_circuit(num_qubits, 5, max_operands=3, seed=seed), inplace=True)
    low, high = ClassicalRegister(3, "low"), ClassicalRegister(num_qubits, "high")
    circuit.add_register(low, high)
    order = np.random.default_rng(seed).permutation(num_qubits)
    for position, qubit in enumerate(order):
        circuit.measure(int(qubit), [*low[:2], *high][position])
    return circuit


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", [None, 11])
def test_a_bell_pair_gives_only_equal_bits_half_the_time_each(backend: str, seed: int | None) -> None:
    counts = counts_of(task_of(BELL, backend=backend, seed=seed, shots=4000))

    assert_same_distribution(counts, {"00": 0.5, "11": 0.5})
    assert sum(counts.values()) == 4000


@pytest.mark.parametrize(
    ("backend", "width"), [("aer", 5), ("aer", 17), ("aer", 300), ("aer_matrix_product_state", 60)]
)
def test_a_ghz_state_gives_all_equal_bits(backend: str, width: int) -> None:
    counts = counts_of(task_of(ghz(width), backend=backend, shots=200))

    assert set(counts) == {"0" * width, "1" * width}


def test_a_ghz_state_measured_along_x_has_even_parity() -> None:
    source = ghz(6).replace("measure", "h q;\nmeasure")

    counts = counts_of(task_of(source, shots=500))

    assert all(bits.count("1") % 2 == 0 for bits in counts)


@pytest.mark.parametrize("backend", ["aer", "aer_density_matrix", "aer_matrix_product_state"])
@pytest.mark.parametrize("seed", range(5))
def test_drawn_counts_follow_the_exact_distribution(seed: int, backend: str) -> None:
    circuit = measured(seed)
    exact = Statevector(circuit.remove_final_measurements(inplace=False)).data
    wanted = {*SAMPLES, ResultType.PROBABILITIES}

    result = result_of(task_of(circuit, wanted, backend=backend, shots=4000))

    assert result.probabilities is not None
    assert result.counts is not None
    assert sum(result.probabilities.values()) == pytest.approx(1.0, abs=1e-9)
    assert max(result.probabilities.values()) == pytest.approx(max(abs(exact) ** 2), abs=1e-9)
    assert_same_distribution(result.counts, result.probabilities)


@pytest.mark.parametrize("seed", range(5))
def test_drawn_counts_and_aer_s_own_come_from_one_distribution(seed: int) -> None:
    circuit = measured(seed)
    probabilities = result_of(task_of(circuit, {ResultType.PROBABILITIES})).probabilities
    assert probabilities is not None

    sampled = counts_of(task_of(circuit, shots=4000, seed=seed))

    assert_same_distribution(sampled, probabilities)


def test_all_samples_of_a_job_are_one() -> None:
    for seed in (None, 3):
        result = result_of(task_of(measured(1), SAMPLES, shots=300, seed=seed))

        shown = memory_of(result)
        assert result.counts is not None
        assert {bits.replace(" ", ""): count for bits, count in result.counts.items()} == {
            bits: shown.count(bits) for bits in set(shown)
        }
        assert result.quasi_dist == {
            str(int(bits.replace(" ", ""), 2)): count / 300 for bits, count in result.counts.items()
        }


def test_the_order_of_drawn_shots_is_random() -> None:
    shown = memory_of(result_of(task_of(BELL, {ResultType.MEMORY}, shots=2000)))

    changes = sum(1 for first, second in pairwise(shown) if first != second)
    assert 850 < changes < 1150  # binomial(1999, 1/2): 6.7 standard deviations to either side


def test_two_unseeded_jobs_differ() -> None:
    first, second = (memory_of(result_of(task_of(BELL, {ResultType.MEMORY}, shots=200))) for _ in range(2))

    assert first != second


METHODS = {
    "aer_statevector": "statevector",
    "aer_density_matrix": "density_matrix",
    "aer_stabilizer": "stabilizer",
    "aer_matrix_product_state": "matrix_product_state",
}


@pytest.mark.parametrize("backend", METHODS)
def test_a_seed_gives_the_counts_that_aer_gives_for_it_alone_and_in_a_group(backend: str) -> None:
    circuits = [QuantumCircuit(3, 3) for _ in range(3)]
    for position, circuit in enumerate(circuits):
        circuit.h(range(3))
        circuit.cx(0, position % 2 + 1)
        circuit.s(1)
        circuit.h(1)
        circuit.measure(range(3), range(3))
    simulator = AerSimulator(method=METHODS[backend], max_parallel_threads=1)
    expected = [simulator.run(circuit, shots=500, seed_simulator=42).result().get_counts() for circuit in circuits]
    tasks = [task_of(circuit, key=str(i), backend=backend, shots=500, seed=42) for i, circuit in enumerate(circuits)]
    assert len({PLUGIN.batch_key(task) for task in tasks}) == 1

    alone = [counts_of(task) for task in tasks]
    together = [dict(outcome.result.counts) for outcome in PLUGIN.run(tasks, LIMITS)]  # type: ignore[union-attr,arg-type]

    assert alone == expected
    assert together == expected


@pytest.mark.parametrize(
    "body",
    [
        "h q;\nmeasure q -> c;\n",
        "h q;\nmeasure q[0] -> c[0];\nh q[1];\nt q[1];\nh q[1];\nmeasure q[1] -> c[1];\n",
        "reset q;\nh q;\nmeasure q -> c;\n",
        "h q;\nmeasure q[0] -> c[0];\nif(c==1) x q[1];\nmeasure q[1] -> c[1];\n",
    ],
)
def test_a_seed_gives_aer_s_counts_whatever_else_is_wanted(body: str) -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\n" + body
    expected = AerSimulator(method="statevector").run(qasm2.loads(source), shots=400, seed_simulator=9).result()
    wanted = {ResultType.COUNTS, ResultType.MEMORY, ResultType.EXPVAL}

    result = result_of(
        task_of(source, wanted, backend="aer_statevector", shots=400, seed=9, observables=(observable(ZI=1.0),))
    )

    assert result.counts == expected.get_counts()


@pytest.mark.parametrize("backend", ["aer_stabilizer", "aer_matrix_product_state"])
def test_the_recorded_seed_of_an_unseeded_job_repeats_it(backend: str) -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\nh q;\nmeasure q[0] -> c[0];\nh q[0];\nmeasure q -> c;\n"
    tasks = [task_of(source, key=str(i), backend=backend, shots=300) for i in range(3)]

    for outcome in PLUGIN.run(tasks, LIMITS):
        result = outcome.result  # type: ignore[union-attr]
        assert result.run.seed is not None
        assert counts_of(task_of(source, backend=backend, shots=300, seed=result.run.seed)) == result.counts


def test_the_largest_seed_is_taken() -> None:
    task = task_of(BELL, seed=2**63 - 1)

    assert counts_of(task) == counts_of(task)


def test_a_drawn_sample_names_no_seed() -> None:
    assert result_of(task_of(BELL)).run.seed is None
    assert result_of(task_of(BELL, seed=5)).run.seed == 5


@given(seed=st.integers(0, 2**31), num_qubits=st.integers(1, 6))
@settings(max_examples=30)
def test_the_support_of_a_stabilizer_state_is_where_its_amplitudes_are(seed: int, num_qubits: int) -> None:
    circuit = random_clifford(num_qubits, seed=seed).to_circuit()
    amplitudes = Statevector(circuit).data

    support = support_of_circuit(circuit)

    drawn = support.draw(200, np.random.default_rng(seed))
    indices = drawn.astype(np.int64) @ (1 << np.arange(num_qubits))
    assert np.count_nonzero(abs(amplitudes) > 1e-9) == 2 ** len(support.basis)
    assert np.all(abs(amplitudes[indices]) > 1e-9)


@pytest.mark.parametrize("shots", [3, 100, 5000])
def test_few_shots_of_many_outcomes_are_drawn_rightly(shots: int) -> None:
    num_qubits = 10
    circuit = QuantumCircuit(num_qubits, num_qubits)
    circuit.h(range(num_qubits - 1))
    circuit.x(num_qubits - 1)
    circuit.measure(range(num_qubits), range(num_qubits))

    result = result_of(task_of(circuit, SAMPLES, shots=shots))

    shown = memory_of(result)
    ones = sum(bits.count("1") for bits in shown) - shots
    assert len(shown) == shots
    assert all(bits[0] == "1" for bits in shown)
    # Binomial(9 * shots, 1/2): further than 5 standard deviations off less than once in a million.
    assert abs(ones - 4.5 * shots) < 2.5 * (9 * shots) ** 0.5


def test_a_large_sample_drawn_in_blocks_is_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "BLOCK_BITS", 400)

    result = result_of(task_of(BELL, SAMPLES, backend="aer_stabilizer", shots=4000))

    assert result.counts is not None
    assert_same_distribution(result.counts, {"00": 0.5, "11": 0.5})
    assert {bits: memory_of(result).count(bits) for bits in ("00", "11")} == result.counts


def test_rows_written_in_blocks_are_those_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    indices, outcomes = np.arange(8), {0: 5, 3: 1, 4: 9}  # bits 1 and 2 show no qubit
    whole = drawing.rows_of_indices(indices, outcomes, num_clbits=5)

    monkeypatch.setattr(drawing, "BLOCK_BITS", 15)

    assert whole.tolist() == [[i >> 2 & 1, i & 1, 0, 0, i >> 1 & 1] for i in range(8)]
    assert drawing.rows_of_indices(indices, outcomes, num_clbits=5).tolist() == whole.tolist()


def test_a_wide_clifford_circuit_is_drawn_in_no_time() -> None:
    result = result_of(task_of(ghz(1000), shots=1000))

    assert result.run.method == "stabilizer"
    assert result.run.engine == "qiskit"
    assert set(result.counts or ()) == {"0" * 1000, "1" * 1000}


@pytest.mark.parametrize(("width", "shots"), [(2000, 10), (500, 50_000)])
def test_drawing_a_wide_clifford_circuit_keeps_to_the_memory_that_was_foreseen(width: int, shots: int) -> None:
    qubits = ",".join(f"q[{qubit}]" for qubit in (0, width - 1))
    source = HEADER2 + f"qreg q[{width}];\ncreg c[{width}];\nh q[0];\ncx {qubits};\nmeasure q -> c;\n"
    task = task_of(source, backend="aer_stabilizer", shots=shots)

    tracemalloc.start()
    try:
        counts = counts_of(task)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sum(counts.values()) == shots
    assert peak_bytes < task.plan.memory_bytes + 64 * 2**20


def test_a_gate_with_four_controls_goes_to_aer_as_it_came() -> None:
    source = HEADER2 + "qreg q[5];creg c[1];c4x q[0],q[1],q[2],q[3],q[4];h q[0];measure q[0] -> c[0];"

    result = result_of(task_of(source, backend="aer_statevector", shots=400, seed=9))

    circuit = qasm2.loads(source, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    expected = AerSimulator(method="statevector").run(circuit, shots=400, seed_simulator=9).result()
    assert result.counts == expected.get_counts()
