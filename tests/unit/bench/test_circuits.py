"""Circuits of the bench are distinct, repeatable, and what their measure says."""

import pytest
from qiskit import qasm2

from bench.circuits import BELL, dense_circuit, mixed_tasks, small_circuits
from bench.measures.throughput import Run
from bench.peers.aer import run_as_documented, run_in_a_loop, run_like_an_expert
from bench.quantum_volume import quantum_volume_circuit
from bench.tasks import Task


def test_small_circuits_all_differ_and_come_again_with_their_seed() -> None:
    circuits = small_circuits(200, seed=1)

    assert len(set(circuits)) == 200
    assert circuits == small_circuits(200, seed=1)
    assert not set(circuits) & set(small_circuits(200, seed=2))


def test_mixed_circuits_have_2_to_12_qubits_and_ask_for_expval_of_all_of_them() -> None:
    tasks = mixed_tasks(100, seed=1, shots=7)

    circuits = [qasm2.loads(task.source) for task in tasks]
    assert len({task.source for task in tasks}) == 100
    assert {circuit.num_qubits for circuit in circuits} == set(range(2, 13))
    assert all(5 <= circuit.depth() - 1 <= 60 for circuit in circuits)  # without the measurement
    assert all(
        len(pauli) == circuit.num_qubits
        for task, circuit in zip(tasks, circuits, strict=True)
        for terms in task.observables
        for pauli, _ in terms
    )


def test_a_share_of_the_mixed_circuits_is_clifford() -> None:
    tasks = mixed_tasks(300, seed=1, shots=1)

    share = sum("u3(" not in task.source for task in tasks) / len(tasks)
    assert 0.1 < share < 0.3


def test_a_dense_circuit_has_its_depth() -> None:
    circuit = qasm2.loads(dense_circuit(5, depth=20, seed=1))

    assert circuit.depth() == 21  # with the measurement
    assert circuit.count_ops()["measure"] == 5


def test_a_quantum_volume_circuit_has_a_layer_a_qubit() -> None:
    circuit = qasm2.loads(quantum_volume_circuit(4, seed=1))

    gates = circuit.count_ops()
    assert set(gates) == {"u3", "cx", "measure"}
    assert gates["measure"] == 4
    assert 4 * 2 < gates["cx"] <= 4 * 2 * 3  # 4 layers of 2 pairs, at most 3 for each pair


@pytest.mark.parametrize("run", [run_as_documented, run_in_a_loop, run_like_an_expert])
def test_aer_by_hand_gives_counts_of_a_bell_pair(run: Run) -> None:
    (outcome,) = run([Task(BELL, 500)])

    assert sum(outcome.counts.values()) == 500
    assert set(outcome.counts) <= {"00", "11"}


def test_the_expert_gives_all_result_types_of_one_run() -> None:
    bell_parity = [[("ZZ", 1.0)], [("XX", 0.5), ("ZI", 1.0)]]

    (outcome,) = run_like_an_expert([Task(BELL, 500, bell_parity)])

    assert outcome.expval == pytest.approx([1.0, 0.5])
    assert outcome.quasi_dist == {int(bits, 2): count / 500 for bits, count in outcome.counts.items()}
