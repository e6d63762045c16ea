"""Named noise against its formulas."""

import math

import pytest

from qserver.results import ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.noise_options import TRAJECTORY_BACKENDS, depolarizing, readout, thermal
from tests.unit.aer.running import BELL, EXPVAL, HEADER2, PLUGIN, observable, result_of, task_of


def test_depolarizing_shrinks_the_bloch_vector_by_its_probability_at_each_gate() -> None:
    source = HEADER2 + "qreg q[1];\n" + "x q[0];\n" * 4

    result = result_of(task_of(source, EXPVAL, options=depolarizing(one=0.1), observables=(observable(Z=1.0),)))

    assert result.run.method == "density_matrix"
    assert result.expval == pytest.approx((0.9**4,))


def test_depolarizing_of_two_qubits_shrinks_every_correlation() -> None:
    wanted = (observable(ZZ=1.0), observable(XX=1.0), observable(YY=1.0))

    result = result_of(task_of(BELL, EXPVAL, options=depolarizing(two=0.2), observables=wanted))

    assert result.expval == pytest.approx((0.8, 0.8, -0.8))


@pytest.mark.parametrize("backend", TRAJECTORY_BACKENDS)
def test_trajectories_agree_with_the_formula(backend: str) -> None:
    source = HEADER2 + "qreg q[1];\n" + "x q[0];\n" * 4
    task = task_of(
        source, EXPVAL, backend=backend, shots=4000, options=depolarizing(one=0.1), observables=(observable(Z=1.0),)
    )

    result = result_of(task)

    assert result.expval is not None
    assert result.expval_standard_errors is not None
    assert abs(result.expval[0] - 0.9**4) < 5 * result.expval_standard_errors[0]


@pytest.mark.parametrize("backend", ["aer", "aer_statevector", "aer_density_matrix", "aer_stabilizer"])
def test_readout_errors_show_in_counts_and_not_in_the_state(backend: str) -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\nx q[1];\nmeasure q -> c;\n"
    wanted = {ResultType.COUNTS, ResultType.EXPVAL}

    task = task_of(
        source, wanted, backend=backend, shots=4000, options=readout(0.1, 0.3), observables=(observable(ZI=1.0),)
    )
    result = result_of(task)

    assert result.counts is not None
    assert_same_distribution(result.counts, {"10": 0.7 * 0.9, "00": 0.3 * 0.9, "11": 0.7 * 0.1, "01": 0.3 * 0.1})
    assert result.expval == pytest.approx((-1.0,))


def test_relaxation_decays_with_the_time_of_the_gate() -> None:
    source = HEADER2 + "qreg q[1];\nx q[0];\n" + "id q[0];\n" * 5
    options = thermal(t1_us=10.0, t2_us=15.0, one_qubit_gate_ns=1000.0)

    result = result_of(task_of(source, EXPVAL, options=options, observables=(observable(Z=1.0),)))

    assert result.expval == pytest.approx((1 - 2 * math.exp(-6 * 1.0 / 10.0),))


def test_dephasing_decays_with_t2() -> None:
    source = HEADER2 + "qreg q[1];\nh q[0];\n"
    options = thermal(t1_us=10.0, t2_us=5.0, one_qubit_gate_ns=1000.0)

    result = result_of(task_of(source, EXPVAL, options=options, observables=(observable(X=1.0),)))

    assert result.expval == pytest.approx((math.exp(-1.0 / 5.0),))


def test_noisy_probabilities_are_exact_from_a_density_matrix() -> None:
    source = HEADER2 + "qreg q[1];\ncreg c[1];\nx q[0];\nmeasure q -> c;\n"

    result = result_of(task_of(source, {ResultType.PROBABILITIES}, options=depolarizing(one=0.1)))

    assert result.probabilities == {"0": pytest.approx(0.05), "1": pytest.approx(0.95)}


@pytest.mark.parametrize("backend", TRAJECTORY_BACKENDS)
def test_a_value_that_all_trajectories_share_is_told_as_exact(backend: str) -> None:
    task = task_of(BELL, EXPVAL, backend=backend, options=readout(0.1, 0.3), observables=(observable(ZZ=2.0),))

    result = result_of(task)

    assert result.expval == pytest.approx((2.0,))
    assert result.expval_standard_errors == (0.0,)


def test_relaxation_acts_on_both_qubits_of_a_gate_and_before_a_measurement() -> None:
    source = HEADER2 + "qreg q[2];\ncreg c[2];\nx q[0];\ncx q[0],q[1];\nmeasure q -> c;\n"
    options = thermal(t1_us=10.0, t2_us=10.0, two_qubit_gate_ns=2000.0, measurement_ns=1000.0)
    wanted = {ResultType.COUNTS, ResultType.EXPVAL}
    kept_by_gate, kept_at_all = math.exp(-0.2), math.exp(-0.3)

    result = result_of(task_of(source, wanted, shots=4000, options=options, observables=(observable(ZI=1.0),)))

    assert result.expval == pytest.approx((1 - 2 * kept_by_gate,))
    assert result.counts is not None
    assert_same_distribution(
        result.counts,
        {
            "11": kept_at_all**2,
            "01": kept_at_all * (1 - kept_at_all),
            "10": kept_at_all * (1 - kept_at_all),
            "00": (1 - kept_at_all) ** 2,
        },
    )


def test_options_without_noise_pass() -> None:
    PLUGIN.check_options({})
    PLUGIN.check_options(depolarizing(one=0.1))
