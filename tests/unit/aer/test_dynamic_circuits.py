"""Measurement, reset and control flow in the middle of circuits."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.library import RYGate, StatePreparation
from qiskit.quantum_info import Statevector, random_statevector

from qserver.errors import InvalidRequest
from qserver.plugins import Success
from qserver.results import ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.running import (
    HEADER2,
    HEADER3,
    LIMITS,
    PLUGIN,
    counts_of,
    observable,
    result_of,
    statevector_of,
    task_of,
)

DENSE = ["aer", "aer_statevector", "aer_density_matrix", "aer_matrix_product_state"]

TELEPORTATION = (
    HEADER3
    + """
qubit[3] q;
bit[2] m;
bit[1] out;
ry(1.2) q[0];
rz(0.7) q[0];
h q[1];
cx q[1], q[2];
cx q[0], q[1];
h q[0];
m[0] = measure q[0];
m[1] = measure q[1];
if (m[1]) { x q[2]; }
if (m[0]) { z q[2]; }
rz(-0.7) q[2];
ry(-1.2) q[2];
out[0] = measure q[2];
"""
)


@pytest.mark.parametrize("backend", [*DENSE, "aer_stabilizer"])
@pytest.mark.parametrize("seed", [None, 5])
def test_a_block_that_changes_nothing_measured_is_run_all_the_same(backend: str, seed: int | None) -> None:
    source = HEADER3 + "qubit[3] q;\nbit c;\nif (c) { h q[0]; }\nx q[2];\nc = measure q[2];\n"
    other = HEADER3 + "qubit q;\nbit c;\nc = measure q;\nx q;\n"
    tasks = [task_of(text, key=text, backend=backend, shots=20, seed=seed) for text in (source, other)]

    outcomes = PLUGIN.run(tasks, LIMITS)

    assert [outcome.result.counts for outcome in outcomes if isinstance(outcome, Success)] == [{"1": 20}, {"0": 20}]


@pytest.mark.parametrize("backend", [*DENSE, "aer_stabilizer"])
@pytest.mark.parametrize("seed", [None, 5])
def test_an_outcome_that_only_a_block_writes_is_given(backend: str, seed: int | None) -> None:
    source = HEADER3 + "qubit q;\nbit[2] c;\nif (!c[0]) { x q; c[1] = measure q; }\n"

    assert counts_of(task_of(source, backend=backend, shots=20, seed=seed)) == {"10": 20}


@pytest.mark.parametrize("turns", ["[1:0]", "[0:-1:3]"])
def test_an_outcome_that_only_a_loop_without_turns_would_write_is_none(turns: str) -> None:
    source = HEADER3 + f"qubit q;\nbit c;\nfor int i in {turns} {{ c = measure q; }}\n"

    with pytest.raises(InvalidRequest, match="measures nothing"):
        task_of(source, {ResultType.COUNTS, ResultType.MEMORY})


@pytest.mark.parametrize("backend", [*DENSE, "aer_stabilizer"])
def test_a_loop_may_be_left_early_and_a_turn_of_it_cut_short(backend: str) -> None:
    circuit = QuantumCircuit(2, 2)
    with circuit.for_loop(range(4)):
        circuit.x(0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.break_loop()
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.continue_loop()
        circuit.x(1)
    circuit.measure([0, 1], [0, 1])

    assert counts_of(task_of(circuit, backend=backend, shots=10)) == {"00": 10}


@pytest.mark.parametrize("backend", DENSE)
def test_teleportation_brings_the_state_over(backend: str) -> None:
    counts = counts_of(task_of(TELEPORTATION, backend=backend, shots=200))

    assert sum(counts.values()) == 200
    assert {bits.split()[0] for bits in counts} == {"0"}
    assert {bits.split()[1] for bits in counts} <= {"00", "01", "10", "11"}


@pytest.mark.parametrize("backend", [*DENSE, "aer_stabilizer"])
@pytest.mark.parametrize(
    ("source", "bits"),
    [
        (
            HEADER2 + "qreg q[1];\ncreg c[2];\nx q[0];\nmeasure q[0]->c[0];\nif(c==1) x q[0];\nmeasure q[0]->c[1];\n",
            "01",
        ),
        (
            HEADER2 + "qreg q[1];\ncreg c[2];\nx q[0];\nmeasure q[0]->c[0];\nif(c==2) x q[0];\nmeasure q[0]->c[1];\n",
            "11",
        ),
        (HEADER3 + "qubit q;\nbit[1] c;\nfor int i in [0:2] { x q; }\nc[0] = measure q;\n", "1"),
        (HEADER3 + "qubit q;\nbit[1] c;\nc[0]=measure q;\nif (c[0]) { x q; } else { y q; }\nc[0] = measure q;\n", "1"),
    ],
)
def test_control_flow_follows_the_bits(source: str, bits: str, backend: str) -> None:
    assert counts_of(task_of(source, backend=backend, shots=10)) == {bits: 10}


@pytest.mark.parametrize("backend", [*DENSE, "aer_stabilizer"])
def test_a_measured_qubit_keeps_its_outcome(backend: str) -> None:
    source = HEADER2 + "qreg q[1];\ncreg c[2];\nh q[0];\nmeasure q[0]->c[0];\nid q[0];\nmeasure q[0]->c[1];\n"

    counts = counts_of(task_of(source, backend=backend, shots=1000))

    assert set(counts) == {"00", "11"}


def test_a_reset_of_half_an_entangled_pair_leaves_the_other_random() -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nreset q[0];\nmeasure q->c;\n"

    assert_same_distribution(counts_of(task_of(source, shots=4000)), {"00": 0.5, "10": 0.5})


def test_expectation_values_after_a_reset_are_exact_where_a_density_matrix_fits() -> None:
    source = HEADER2 + "qreg q[2];\nh q[0];\ncx q[0],q[1];\nreset q[0];\n"

    result = result_of(task_of(source, {ResultType.EXPVAL}, observables=(observable(IZ=1), observable(ZI=1))))

    assert result.run.method == "density_matrix"
    assert result.expval == pytest.approx((1.0, 0.0), abs=1e-12)
    assert result.expval_standard_errors == (0.0, 0.0)


def test_expectation_values_with_measurement_in_the_middle_are_the_mean_over_trajectories() -> None:
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nry(1.0) q[0];\nmeasure q[0]->c[0];\nid q[0];\n"
    observables = (observable(Z=1.0), observable(X=1.0))

    result = result_of(task_of(source, {ResultType.EXPVAL}, observables=observables, shots=4000))

    assert result.expval is not None
    assert result.expval_standard_errors is not None
    exact_z = 0.5403023058681398  # cos(1)
    assert abs(result.expval[0] - exact_z) < 5 * result.expval_standard_errors[0]
    assert 0.01 < result.expval_standard_errors[0] < 0.02
    assert result.expval[1] == pytest.approx(0.0, abs=1e-12)


def test_counts_and_expectation_values_of_trajectories_agree() -> None:
    source = HEADER2 + "qreg q[1];\ncreg c[2];\nry(1.0) q[0];\nmeasure q[0]->c[0];\nid q[0];\nmeasure q[0]->c[1];\n"
    wanted = {ResultType.COUNTS, ResultType.EXPVAL}

    result = result_of(task_of(source, wanted, observables=(observable(Z=1.0),), shots=500))

    assert result.counts is not None
    assert result.expval == pytest.approx(((result.counts["00"] - result.counts["11"]) / 500,))


def test_a_loop_over_angles_runs_each_of_them() -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(4)) as turn:
        circuit.rx(turn * 3.141592653589793 / 6, 0)
    circuit.measure(0, 0)

    assert counts_of(task_of(circuit, shots=10)) == {"1": 10}


@pytest.mark.parametrize("backend", DENSE)
def test_gates_inside_of_control_flow_are_written_out_too(backend: str) -> None:
    twice = "if(c==2) ch q[1],q[0];\n" * 2
    source = HEADER2 + f"qreg q[2];\ncreg c[2];\nx q[1];\nmeasure q[1]->c[1];\n{twice}measure q->c;\n"

    assert counts_of(task_of(source, backend=backend, shots=10)) == {"10": 10}


@pytest.mark.parametrize("backend", [*DENSE, "aer_stabilizer"])
def test_a_switch_takes_the_case_of_its_register(backend: str) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.add_register(ClassicalRegister(2, "target"))
    circuit.x(1)
    circuit.measure([0, 1], [2, 3])
    with circuit.switch(circuit.cregs[1]) as case, case(2):
        circuit.x(0)
    circuit.measure([0, 1], [0, 1])

    assert counts_of(task_of(circuit, backend=backend, shots=10)) == {"10 11": 10}


def test_a_box_is_what_is_in_it() -> None:
    circuit = QuantumCircuit(2, 2)
    with circuit.box():
        circuit.x(0)
        with circuit.box():
            circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    task = task_of(circuit, shots=10)

    assert counts_of(task) == {"11": 10}
    assert task.circuit.inspection.profile is not None
    assert not task.circuit.inspection.profile.has_control_flow


def test_an_initialized_state_has_its_statevector() -> None:
    circuit = QuantumCircuit(2)
    circuit.initialize([0.6, 0, 0, 0.8])

    result = result_of(task_of(circuit, {ResultType.EXPVAL, ResultType.STATEVECTOR}, observables=(observable(IZ=1.0),)))

    assert result.expval == pytest.approx((0.36 - 0.64,))


@pytest.mark.parametrize("backend", ["aer_statevector", "aer_matrix_product_state"])
@pytest.mark.parametrize("places", [[0, 1], [2, 0], [3, 1, 2]], ids=str)
def test_some_qubits_of_a_circuit_can_be_initialized(places: list[int], backend: str) -> None:
    state = random_statevector(2 ** len(places), seed=4)
    circuit = QuantumCircuit(4)
    circuit.initialize(state, places)
    rest = [qubit for qubit in range(4) if qubit not in places]
    expected = Statevector.from_label("0" * 4).evolve(StatePreparation(state.data), places)
    for qubit in rest:
        circuit.ry(0.7, qubit)
        expected = expected.evolve(RYGate(0.7), [qubit])

    result = result_of(task_of(circuit, {ResultType.STATEVECTOR}, backend=backend))

    np.testing.assert_allclose(statevector_of(result), expected.data, atol=1e-9)
