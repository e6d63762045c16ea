"""Tables of parameter values: swept in one call, with the numbers of circuits that are bound one by one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp, Statevector

from plugins.aer import sweep_engine, sweeps
from qserver.errors import InvalidRequest, Reason
from qserver.jobs import Observable, RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Failure, Resources, Success, Task
from qserver.results import PubResult, ResultType
from qserver.sweeps import Sweep
from tests.unit.aer.running import LIMITS, PLUGIN, RESOURCES, circuit_of, observable

A, B = Parameter("a"), Parameter("b")
OBSERVABLES = (observable(ZZ=1.0, XI=0.5), observable(YY=1.0), observable(IZ=-2.0, II=0.25))


def ansatz() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.rx(A, 0)
    circuit.cx(0, 1)
    circuit.ry(2 * B + A, 1)
    circuit.rz(B, 0)
    return circuit


def measured(circuit: QuantumCircuit) -> QuantumCircuit:
    circuit.measure([0, 1], [1, 0])
    return circuit


def values(*shape: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(1).uniform(-3, 3, (*shape, 2))


def sweep(table: npt.NDArray[np.float64], *, observables_shape: tuple[int, ...] = ()) -> Sweep:
    return Sweep(("a", "b"), table.shape[:-1], table.astype("<f8").tobytes(), observables_shape)


def task_of(  # noqa: PLR0913 - the fields of a request, each with its default
    circuit: QuantumCircuit,
    swept: Sweep,
    *,
    observables: Sequence[Observable] = (),
    backend: str = "aer",
    shots: int = 100,
    seed: int | None = None,
    precision: float | None = None,
    options: JsonObject | None = None,
    resources: Resources = RESOURCES,
) -> Task:
    inspected = circuit_of(circuit)
    request = RunRequest(
        backend,
        frozenset({ResultType.EXPVAL if observables else ResultType.MEMORY}),
        shots=shots,
        seed=seed,
        precision=precision,
        observables=tuple(observables),
        options=options or {},
        sweep=swept,
    )
    return Task("task", inspected, request, PLUGIN.plan(inspected.inspection.profile, request, resources))


def result_of(task: Task) -> PubResult:
    (outcome,) = PLUGIN.run([task], LIMITS)
    assert isinstance(outcome, Success), outcome
    return outcome.result


def numbers(result: PubResult, name: str) -> npt.NDArray[np.float64]:
    (array,) = [array for array in result.arrays if array.name == name]
    assert array.dtype == "float64"
    return np.frombuffer(array.data, dtype="<f8").reshape(array.shape)


def shots_of(result: PubResult) -> npt.NDArray[np.uint8]:
    (array,) = result.arrays
    assert (array.name, array.dtype) == ("memory", "bits")
    packed = np.frombuffer(array.data, dtype=np.uint8).reshape((*array.shape[:-1], -1))
    return np.unpackbits(packed, axis=-1)[..., : array.shape[-1]]


def exact(row: Sequence[float], wanted: Observable) -> float:
    state = Statevector(ansatz().assign_parameters({A: row[0], B: row[1]}))
    operator = SparsePauliOp([term.pauli for term in wanted.terms], [term.coefficient for term in wanted.terms])
    return float(np.real(state.expectation_value(operator)))


@pytest.mark.parametrize(
    "backend", ["aer", "aer_statevector", "aer_density_matrix", "aer_matrix_product_state", "auto"]
)
def test_each_method_sweeps_to_the_exact_values(backend: str) -> None:
    table = values(4, 1)
    swept = sweep(table, observables_shape=(3,))
    task = replace(task_of(ansatz(), swept, observables=OBSERVABLES, backend=backend.replace("auto", "aer")), key="k")

    result = result_of(task)

    expected = [[exact(row, wanted) for wanted in OBSERVABLES] for row in table[:, 0]]
    np.testing.assert_allclose(numbers(result, "evs"), expected, atol=1e-12)
    np.testing.assert_array_equal(numbers(result, "stds"), np.zeros((4, 3)))


def test_pairs_evaluate_nothing_but_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    table = values(3)
    saved: list[int] = []

    def counted(experiment: object, *args: object, **kwargs: object) -> object:
        names = experiment.circuit.count_ops()  # type: ignore[attr-defined]
        saved.append(names["save_expval"] * len(args[2]))  # type: ignore[arg-type]
        return sweep_engine.simulate_points(experiment, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(sweeps, "simulate_points", counted)
    result = result_of(task_of(ansatz(), sweep(table, observables_shape=(3,)), observables=OBSERVABLES))

    expected = [exact(row, wanted) for row, wanted in zip(table, OBSERVABLES, strict=True)]
    np.testing.assert_allclose(numbers(result, "evs"), expected, atol=1e-12)
    assert sum(saved) == 3


def test_a_table_in_blocks_gives_what_it_gives_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(measured(ansatz()), sweep(values(7)), seed=5)
    whole = shots_of(result_of(task))

    monkeypatch.setattr(sweeps, "BLOCK_POINTS", 3)

    np.testing.assert_array_equal(shots_of(result_of(task)), whole)


def test_each_point_has_a_sample_of_its_own() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.rz(A, 0)
    circuit.rz(B, 0)
    circuit.measure(0, 0)
    for seed in (None, 3):
        found = shots_of(result_of(task_of(circuit, sweep(np.zeros((2, 2))), shots=200, seed=seed)))

        assert found.shape == (2, 200, 1)
        assert not np.array_equal(found[0], found[1])
        assert 50 < found[0].sum() < 150


def test_a_sampled_bit_stands_where_the_circuit_writes_it() -> None:
    found = shots_of(result_of(task_of(measured(ansatz()), sweep(np.array([[np.pi, 0.0], [0.0, 0.0]])))))

    # a = pi: qubit 0 is 1, cx makes qubit 1 one, and ry(pi) takes it back; qubit 0 is written to bit 1, the leftmost.
    np.testing.assert_array_equal(found[0], np.tile([1, 0], (100, 1)))
    np.testing.assert_array_equal(found[1], np.zeros((100, 2)))


@pytest.mark.parametrize("table", [np.zeros((0, 2)), np.zeros((3, 0, 2))])
def test_an_empty_table_gives_empty_arrays(table: npt.NDArray[np.float64]) -> None:
    values_of_none = result_of(task_of(ansatz(), sweep(table), observables=OBSERVABLES[:1]))
    shots_of_none = result_of(task_of(measured(ansatz()), sweep(table)))

    assert numbers(values_of_none, "evs").shape == table.shape[:-1]
    assert shots_of_none.arrays[0].shape == (*table.shape[:-1], 100, 2)
    assert values_of_none.run.method == "statevector"


def test_a_precision_is_kept_at_each_point() -> None:
    table = values(50)
    task = task_of(ansatz(), sweep(table), observables=OBSERVABLES[:1], precision=0.05, seed=1)

    result = result_of(task)

    errors = numbers(result, "evs") - [exact(row, OBSERVABLES[0]) for row in table]
    assert np.all(numbers(result, "stds") <= 0.055)
    assert np.all(np.abs(errors) < 0.3)  # six standard errors
    np.testing.assert_array_equal(numbers(result_of(task), "evs"), numbers(result, "evs"))


def test_noise_is_at_each_point_too() -> None:
    noise: JsonObject = {"name": "depolarizing", "two_qubit_probability": 0.5}
    table = np.array([[0.0, 0.0], [np.pi, 0.0]])

    result = result_of(
        task_of(ansatz(), sweep(table), observables=[observable(ZZ=1.0)], options={"noise_model": noise})
    )

    clean = np.array([exact(row, observable(ZZ=1.0)) for row in table])
    np.testing.assert_allclose(numbers(result, "evs"), clean / 2, atol=1e-9)
    assert result.run.method == "density_matrix"


def test_trajectories_are_averaged_at_each_point() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.rx(A, 0)
    circuit.measure(0, 0)
    circuit.rz(B, 0)
    circuit.x(0)
    table = np.array([[0.0, 0.0], [np.pi / 2, 0.0]])

    result = result_of(task_of(circuit, sweep(table), observables=[observable(Z=1.0)], shots=400))

    evs, stds = numbers(result, "evs"), numbers(result, "stds")
    assert evs[0] == -1.0
    assert abs(evs[1]) < 6 * stds[1]
    assert 0.04 < stds[1] < 0.06


def test_a_parameter_of_an_idle_part_is_no_fault() -> None:
    circuit = QuantumCircuit(3, 1)
    circuit.rx(A, 0)
    circuit.global_phase = B
    circuit.measure(0, 0)

    found = shots_of(result_of(task_of(circuit, sweep(np.array([[np.pi, 1.0]])))))

    np.testing.assert_array_equal(found, np.ones((1, 100, 1)))


def test_a_circuit_that_the_engine_refuses_is_a_failure() -> None:
    task = task_of(ansatz(), sweep(values(2)), observables=OBSERVABLES[:1])
    broken = replace(task, plan=replace(task.plan, device="GPU"))

    (outcome,) = PLUGIN.run([broken], LIMITS)

    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.PLUGIN_ERROR


@pytest.mark.parametrize(
    ("swept", "words"),
    [
        (Sweep(("a",), (), bytes(8)), "no values are given for 'b' of the circuit's 2 parameters"),
        (Sweep(("a", "b", "c"), (), bytes(24)), "values are given for 'c', which the circuit doesn't have"),
    ],
)
def test_a_table_of_other_parameters_is_refused(swept: Sweep, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        task_of(ansatz(), swept, observables=OBSERVABLES[:1])


def test_more_points_are_planned_to_take_longer() -> None:
    few, many = (task_of(ansatz(), sweep(values(points)), observables=OBSERVABLES[:1]).plan for points in (1, 1000))

    assert many.seconds > 500 * few.seconds
    assert many.memory_bytes > few.memory_bytes
