"""Counts by law: drawn from the right distribution, in the right bits, and again with the same seed."""

from collections import Counter

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, QuantumRegister
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

from plugins.aer.plugin import AerPlugin
from qserver.results import ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.running import HEADER2, HEADER3, memory_of
from tests.unit.qsim.running import counts_of, needs_qsim, result_of, task_of
from tests.unit.qsim.test_numbers import scrambled

pytestmark = needs_qsim

AER = AerPlugin()


@pytest.mark.parametrize("seed", range(30))
def test_counts_of_random_circuits_follow_the_exact_distribution(seed: int) -> None:
    circuit = random_circuit(2 + seed % 6, 6, max_operands=3 if seed % 6 else 2, seed=seed)
    exact = Statevector(circuit).probabilities_dict()
    circuit.measure_all()

    counts = counts_of(task_of(circuit, shots=20_000))

    assert sum(counts.values()) == 20_000
    assert_same_distribution(counts, exact)


@pytest.mark.parametrize("num_qubits", [17, 18])
def test_counts_of_states_of_many_blocks_follow_the_exact_distribution(num_qubits: int) -> None:
    circuit = QuantumCircuit(num_qubits, 4)
    circuit.compose(scrambled(num_qubits), inplace=True)
    exact = Statevector(circuit).probabilities_dict([num_qubits - 1, 3, num_qubits - 2, 0])
    circuit.measure([num_qubits - 1, 3, num_qubits - 2, 0], range(4))

    assert_same_distribution(counts_of(task_of(circuit, shots=50_000)), exact)


def test_counts_are_those_of_aer_by_law() -> None:
    circuit = random_circuit(5, 8, max_operands=3, seed=11)
    circuit.measure_all()
    exact = result_of(task_of(circuit, ResultType.PROBABILITIES, plugin=AER), plugin=AER).probabilities or {}

    assert_same_distribution(counts_of(task_of(circuit, shots=50_000)), exact)


def test_bits_stand_where_qiskit_puts_them() -> None:
    qubits, first, second = QuantumRegister(3), ClassicalRegister(2, "a"), ClassicalRegister(2, "b")
    circuit = QuantumCircuit(qubits, first, second)
    circuit.x(0)
    circuit.x(2)
    circuit.measure(0, first[1])
    circuit.measure(1, second[0])
    circuit.measure(2, second[1])

    assert counts_of(task_of(circuit, shots=10)) == {"10 10": 10}


def test_a_qubit_measured_twice_and_a_bit_written_twice() -> None:
    source = HEADER3 + "qubit[2] q; bit[3] c; x q[0]; c[0] = measure q[0]; c[1] = measure q[0]; c[0] = measure q[1];"

    assert counts_of(task_of(source, shots=7)) == {"010": 7}


def test_idle_qubits_are_read_as_zero() -> None:
    source = HEADER2 + "qreg q[30]; creg c[3]; x q[29]; measure q[29] -> c[2]; measure q[5] -> c[0];"

    assert counts_of(task_of(source, shots=5)) == {"100": 5}


def test_a_seed_repeats_the_sample_and_none_does_not() -> None:
    circuit = scrambled(6)
    circuit.measure_all()

    assert counts_of(task_of(circuit, seed=3)) == counts_of(task_of(circuit, seed=3))
    assert counts_of(task_of(circuit, seed=3)) != counts_of(task_of(circuit, seed=4))
    assert counts_of(task_of(circuit)) != counts_of(task_of(circuit))


def test_all_sampled_types_tell_of_one_sample() -> None:
    circuit = scrambled(4)
    circuit.measure_all()
    types = (ResultType.COUNTS, ResultType.MEMORY, ResultType.QUASI_DIST, ResultType.PROBABILITIES)

    result = result_of(task_of(circuit, *types, shots=500))

    counts = dict(result.counts or {})
    assert Counter(memory_of(result)) == counts
    assert result.quasi_dist == {str(int(key, 2)): number / 500 for key, number in counts.items()}
    assert len(result.probabilities or {}) == 16


def test_the_record_says_whose_sampler_it_was() -> None:
    circuit = scrambled(4)
    circuit.measure_all()

    run = result_of(task_of(circuit, seed=9)).run

    assert (run.plugin, run.engine, run.float_precision, run.seed) == ("qsim", "qsim", "single", 9)
    assert "QServer's own sampler" in run.reason
