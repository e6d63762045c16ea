"""Expectation values against `qiskit.quantum_info`, and what sampled ones promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp, Statevector, random_clifford

from qserver.errors import TooLarge
from qserver.jobs import Observable, PauliTerm
from qserver.results import ResultType
from tests.unit.aer.running import BELL, EXPVAL, HEADER2, observable, result_of, task_of

DENSE = ("aer", "aer_statevector", "aer_density_matrix", "aer_matrix_product_state")


def exact(circuit: QuantumCircuit, wanted: Observable) -> float:
    operator = SparsePauliOp([term.pauli for term in wanted.terms], [term.coefficient for term in wanted.terms])
    return float(np.real(Statevector(circuit).expectation_value(operator)))


@st.composite
def observables(draw: st.DrawFn, num_qubits: int) -> Observable:
    pauli = st.text("IXYZ", min_size=num_qubits, max_size=num_qubits)
    coefficient = st.floats(-10, 10, allow_nan=False)
    return Observable(tuple(draw(st.lists(st.builds(PauliTerm, pauli, coefficient), min_size=1, max_size=4))))


@st.composite
def circuits_with_idle_qubits(draw: st.DrawFn) -> QuantumCircuit:
    num_qubits = draw(st.integers(2, 5))
    used = draw(st.lists(st.integers(0, num_qubits - 1), min_size=1, max_size=num_qubits, unique=True))
    circuit = QuantumCircuit(num_qubits)
    gates = random_circuit(len(used), 4, max_operands=min(3, len(used)), seed=draw(st.integers(0, 10**6)))
    return circuit.compose(gates, used)


@given(st.data())
@settings(max_examples=60)
def test_expectation_values_are_those_of_the_exact_state(data: st.DataObject) -> None:
    circuit = data.draw(circuits_with_idle_qubits())
    wanted = tuple(data.draw(st.lists(observables(circuit.num_qubits), min_size=1, max_size=4)))
    backend = data.draw(st.sampled_from(DENSE))

    result = result_of(task_of(circuit, EXPVAL, backend=backend, observables=wanted))

    np.testing.assert_allclose(result.expval or (), [exact(circuit, each) for each in wanted], atol=1e-7)
    assert result.expval_standard_errors == (0.0,) * len(wanted)


@given(st.data())
@settings(max_examples=20)
def test_expectation_values_of_clifford_circuits_come_from_the_tableau(data: st.DataObject) -> None:
    circuit = random_clifford(4, seed=data.draw(st.integers(0, 10**6))).to_circuit()
    wanted = tuple(data.draw(st.lists(observables(4), min_size=1, max_size=4)))

    result = result_of(task_of(circuit, EXPVAL, backend="aer_stabilizer", observables=wanted))

    np.testing.assert_allclose(result.expval or (), [exact(circuit, each) for each in wanted], atol=1e-9)


def test_expectation_values_are_taken_before_final_measurements() -> None:
    unmeasured = BELL.replace("measure q -> c;\n", "")
    wanted = (observable(XX=1.0), observable(ZZ=1.0), observable(YY=1.0))

    for source in (BELL, unmeasured):
        for seed in (None, 4):
            result = result_of(task_of(source, EXPVAL, seed=seed, shots=3, observables=wanted))

            assert result.expval == pytest.approx((1.0, 1.0, -1.0))


def test_one_job_gives_every_result_type_of_one_state() -> None:
    wanted = (observable(ZZ=0.5, II=0.25),)

    for seed in (None, 4):
        result = result_of(task_of(BELL, set(ResultType), seed=seed, observables=wanted))

        assert result.expval == pytest.approx((0.75,))
        assert result.probabilities == {"00": pytest.approx(0.5), "11": pytest.approx(0.5)}
        assert result.counts is not None
        assert set(result.counts) == {"00", "11"}
        assert {array.name for array in result.arrays} == {"memory", "statevector"}


def test_the_identity_is_exact_even_where_it_is_sampled() -> None:
    result = result_of(task_of(BELL, EXPVAL, precision=0.1, observables=(observable(II=2.5),)))

    assert result.expval == (2.5,)
    assert result.expval_standard_errors == (0.0,)


@pytest.mark.parametrize("backend", ["aer", "aer_density_matrix"])
def test_sampled_values_keep_the_wanted_standard_error_and_tell_it_truly(backend: str) -> None:
    source = HEADER2 + "qreg q[2];\nry(0.8) q[0];\nry(1.9) q[1];\ncx q[0],q[1];\n"
    wanted = observable(ZZ=1.5, XI=-0.7, IY=0.3, ZI=0.4)
    (value,) = result_of(task_of(source, EXPVAL, observables=(wanted,))).expval or ()
    task = task_of(source, EXPVAL, backend=backend, precision=0.05, observables=(wanted,))

    results = [result_of(task) for _ in range(300)]

    deviations = np.array([found.expval[0] - value for found in results])  # type: ignore[index]
    errors = np.array([found.expval_standard_errors[0] for found in results])  # type: ignore[index]
    assert np.all(errors <= 0.05 * 1.1)
    assert np.all(errors > 0)
    # 300 draws: their spread lies within 20 % of the reported error but once in a million, their mean within 5 sigma.
    assert 0.8 < deviations.std() / errors.mean() < 1.2
    assert abs(deviations.mean()) < 5 * errors.mean() / math.sqrt(300)


def test_a_seed_repeats_sampled_values() -> None:
    task = task_of(BELL, EXPVAL, precision=0.05, seed=8, observables=(observable(ZI=1.0),))

    first, second = result_of(task), result_of(task)

    assert first.expval == second.expval
    assert first.expval is not None
    assert first.expval[0] != 0.0


@pytest.mark.parametrize("precision", [5e-324, 1e-300, 1e-9, 1e300])
def test_a_precision_of_any_size_is_met(precision: float) -> None:
    result = result_of(task_of(BELL, EXPVAL, precision=precision, observables=(observable(ZZ=0.5, XI=0.25),)))

    assert result.expval is not None
    assert abs(result.expval[0]) <= 0.75


@pytest.mark.parametrize("precision", [5e-324, 1e-300])
def test_a_precision_that_no_number_of_trajectories_meets_is_refused(precision: float) -> None:
    source = HEADER2 + "qreg q[1];\nh q[0];\nreset q[0];\n"

    with pytest.raises(TooLarge, match="trajectories"):
        task_of(source, EXPVAL, backend="aer_statevector", precision=precision, observables=(observable(Z=1.0),))


def test_with_trajectories_the_precision_sets_their_number() -> None:
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nry(1.0) q[0];\nmeasure q[0]->c[0];\nid q[0];\n"
    wanted = {ResultType.EXPVAL, ResultType.COUNTS}

    result = result_of(task_of(source, wanted, shots=100, precision=0.02, observables=(observable(Z=1.0),)))

    assert result.counts is not None
    assert sum(result.counts.values()) == 100
    assert result.expval_standard_errors is not None
    assert 0.01 < result.expval_standard_errors[0] <= 0.021


def test_many_observables_of_many_terms_are_all_answered() -> None:
    terms = tuple(PauliTerm(a + b, 0.1) for a in "IXYZ" for b in "IXYZ")

    result = result_of(task_of(BELL, EXPVAL, observables=tuple(Observable(terms[: i + 1]) for i in range(16)) * 5))

    assert result.expval is not None
    assert len(result.expval) == 80
    assert result.expval[15] == pytest.approx(0.1 * (1 + 1 + 1 - 1))
