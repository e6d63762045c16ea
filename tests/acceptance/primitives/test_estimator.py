"""Expectation values of the server are those of Qiskit's own estimators, PUB by PUB."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import PrimitiveResult, PubResult, StatevectorEstimator
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import EstimatorV2 as AerEstimatorV2

from qserver.errors import InvalidRequest, QServerError, Reason
from qserver.qiskit import EstimatorV2, QServerBackend

ANSATZ = efficient_su2(3, reps=1)
OBSERVABLES = (
    SparsePauliOp(["ZZI", "IXY", "III"], [1.0, -0.5, 0.25]),
    SparsePauliOp(["XXX"]),
    SparsePauliOp(["YIZ", "ZII"], [0.3, 2.0]),
    SparsePauliOp(["IIZ"]),
)


def values(*shape: int, seed: int = 1) -> npt.NDArray[np.float64]:
    """A table for the ansatz."""
    return np.random.default_rng(seed).uniform(-np.pi, np.pi, (*shape, ANSATZ.num_parameters))


def observables(*shape: int) -> list[object] | SparsePauliOp:
    """An array of observables, as nested lists."""
    number = int(np.prod(shape))
    found = np.empty(number, dtype=object)
    for place in range(number):
        found[place] = OBSERVABLES[place % len(OBSERVABLES)]
    nested: list[object] = found.reshape(shape).tolist()
    return nested


def assert_alike(found: PubResult, expected: PubResult) -> None:
    assert found.data.shape == expected.data.shape
    assert found.data.evs.shape == expected.data.evs.shape
    assert found.data.stds.shape == expected.data.stds.shape
    np.testing.assert_allclose(found.data.evs, expected.data.evs, atol=1e-12)
    np.testing.assert_array_equal(found.data.stds, np.zeros(found.data.stds.shape))


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ((), ()),
        ((), (3,)),
        ((), (2, 2)),
        ((1,), ()),
        ((5,), ()),
        ((5,), (1,)),
        ((4,), (4,)),
        ((4, 1), (3,)),
        ((2, 3), (2, 1)),
        ((2, 1, 3), (4, 1)),
        ((2, 3, 2), ()),
        ((2, 3, 2), (2, 3, 2)),
        ((0,), ()),
        ((3, 0), (1,)),
        ((0, 2), (2,)),
    ],
)
def test_any_shapes_broadcast_as_in_qiskit(
    backend: QServerBackend, table: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    pub = (ANSATZ, observables(*wanted), values(*table))

    found = EstimatorV2(backend=backend).run([pub]).result()[0]

    assert_alike(found, StatevectorEstimator().run([pub]).result()[0])
    if 0 not in table:  # Aer's own fails for an empty table
        assert_alike(found, AerEstimatorV2().run([pub]).result()[0])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
    seed=st.integers(min_value=0, max_value=2**32 - 1),
)
def test_shapes_that_nobody_thought_of_broadcast_too(backend: QServerBackend, shapes: object, seed: int) -> None:
    table, wanted = shapes.input_shapes  # type: ignore[attr-defined]
    pub = (ANSATZ, observables(*wanted), values(*table, seed=seed))

    found = EstimatorV2(backend=backend).run([pub]).result()[0]

    assert_alike(found, StatevectorEstimator().run([pub]).result()[0])


def test_many_pubs_are_one_job_with_a_result_each(backend: QServerBackend) -> None:
    plain = QuantumCircuit(2, 2)
    plain.h(0)
    plain.cx(0, 1)
    plain.measure([0, 1], [0, 1])
    pubs = [
        (ANSATZ, OBSERVABLES[0], values(3)),
        (ANSATZ, observables(2), values(2, 1)),
        (plain.remove_final_measurements(inplace=False), Pauli("XX")),
        (ANSATZ, {"ZZZ": 0.5, "IIX": -1.5}, values()),
    ]

    job = EstimatorV2(backend=backend).run(pubs)

    found, expected = job.result(), StatevectorEstimator().run(pubs).result()
    assert isinstance(found, PrimitiveResult)
    assert len(found) == len(pubs)
    for mine, theirs in zip(found, expected, strict=True):
        assert_alike(mine, theirs)
    assert job.done()
    assert not job.running()


def test_what_is_measured_at_the_end_counts_for_nothing(backend: QServerBackend) -> None:
    circuit = ANSATZ.copy()
    circuit.measure_all()

    found = EstimatorV2(backend=backend).run([(circuit, OBSERVABLES[0], values(2))]).result()[0]

    assert_alike(found, StatevectorEstimator().run([(ANSATZ, OBSERVABLES[0], values(2))]).result()[0])


def test_projectors_are_observables_too(backend: QServerBackend) -> None:
    projectors = [("0+Z", 1.0), ("rI1", 0.5)]
    paulis = SparsePauliOp.from_sparse_observable(SparseObservable.from_list(projectors))

    found = EstimatorV2(backend=backend).run([(ANSATZ, dict(projectors), values(4))]).result()[0]

    assert_alike(found, StatevectorEstimator().run([(ANSATZ, paulis, values(4))]).result()[0])


def test_a_precision_gives_samples_with_true_standard_errors(backend: QServerBackend) -> None:
    exact = StatevectorEstimator().run([(ANSATZ, OBSERVABLES[0], values(200))]).result()[0].data.evs

    found = EstimatorV2(backend=backend).run([(ANSATZ, OBSERVABLES[0], values(200))], precision=0.05).result()[0]

    assert np.all(found.data.stds <= 0.05 * 1.1)
    assert np.all(found.data.stds > 0)
    deviations = (found.data.evs - exact) / np.maximum(found.data.stds, 1e-3)
    assert np.abs(deviations).max() < 6  # 200 normal deviates pass 6 once in 2.5 million runs
    assert 0.8 < deviations.std() < 1.2
    assert found.metadata["target_precision"] == 0.05


def test_a_seed_repeats_a_sample(backend: QServerBackend) -> None:
    estimator = EstimatorV2(backend=backend, options={"default_precision": 0.1, "run_options": {"seed_simulator": 7}})
    pub = (ANSATZ, OBSERVABLES[0], values(5))

    first, second = estimator.run([pub]).result()[0], estimator.run([pub]).result()[0]

    np.testing.assert_array_equal(first.data.evs, second.data.evs)


def test_a_noise_model_travels(backend: QServerBackend) -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    options = {"backend_options": {"noise_model": noise, "method": "density_matrix"}}
    pub = (ANSATZ, OBSERVABLES[0], values(6))

    found = EstimatorV2(backend=backend, options=options).run([pub]).result()[0]

    assert_alike(found, AerEstimatorV2(options=options).run([pub]).result()[0])


def test_trajectories_give_standard_errors(backend: QServerBackend) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.x(0)

    found = EstimatorV2(backend=backend).run([(circuit, [["Z"], ["X"]])]).result()[0]

    assert found.data.shape == (2, 1)
    assert np.all(np.abs(found.data.evs) <= 6 * found.data.stds + 1e-12)


def test_missing_values_are_refused_in_a_sentence(backend: QServerBackend) -> None:
    with pytest.raises(ValueError, match="does not match"):
        EstimatorV2(backend=backend).run([(ANSATZ, OBSERVABLES[0])])


def test_a_bad_pub_is_named(backend: QServerBackend) -> None:
    good = (ANSATZ, OBSERVABLES[0], values())
    bad = (ANSATZ, OBSERVABLES[0], np.full(ANSATZ.num_parameters, np.nan))

    with pytest.raises(InvalidRequest, match="PUB 1: a parameter's value is NaN or infinite"):
        EstimatorV2(backend=backend).run([good, bad])


def test_an_option_that_no_server_has_is_named(backend: QServerBackend) -> None:
    estimator = EstimatorV2(backend=backend, options={"backend_options": {"method": "unitary"}})

    with pytest.raises(QServerError, match="method 'unitary'") as refused:
        estimator.run([(ANSATZ, OBSERVABLES[0], values())])

    assert refused.value.reason is Reason.INVALID_OPTION
