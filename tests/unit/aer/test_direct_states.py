"""Small circuits on Aer's state class: held against its controller, and when the controller takes over."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from plugins.aer import direct_states, preparation
from plugins.aer.direct_circuits import MAX_DIRECT_QUBITS, DirectCircuit, direct_circuit
from plugins.aer.direct_states import DirectExperiment, can_run_directly, has_fast_path, run_directly
from plugins.aer.engine import EngineData, EngineFault
from plugins.aer.preparation import prepare
from qserver.errors import Reason
from qserver.json_types import JsonObject
from qserver.plugins import Outcome, Success, Task
from qserver.results import PubResult, ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.random_circuits import STANDARD_GATES, random_measured, random_observables
from tests.unit.aer.running import BELL, HEADER3, LIMITS, PLUGIN, observable, result_of, task_of

EVERYTHING = {ResultType.COUNTS, ResultType.PROBABILITIES, ResultType.STATEVECTOR, ResultType.EXPVAL}
WITHOUT_STATE = EVERYTHING - {ResultType.STATEVECTOR}  # only then are idle qubits left out
TOLERANCE = 1e-12


def tasks_of(seeds: Sequence[int]) -> list[Task]:
    return [
        task_of(
            circuit := random_measured(seed),
            EVERYTHING if seed % 2 else WITHOUT_STATE,
            key=str(seed),
            backend="aer_statevector",
            observables=random_observables(seed, circuit.num_qubits),
        )
        for seed in seeds
    ]


def results_of(tasks: Sequence[Task]) -> Iterator[PubResult]:
    for outcome in PLUGIN.run(tasks, LIMITS):
        assert isinstance(outcome, Success), outcome
        yield outcome.result


def is_direct(task: Task) -> bool:
    return isinstance(prepare(task).saving, DirectExperiment)


@pytest.fixture
def through_the_controller(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(preparation, "can_run_directly", lambda: False)
    return monkeypatch


@pytest.fixture
def on_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    monkeypatch.setattr(direct_states, "MIN_FAST_QUBITS", 1)
    has_fast_path.cache_clear()
    assert has_fast_path()
    yield
    monkeypatch.undo()
    has_fast_path.cache_clear()


def assert_same_numbers(direct: PubResult, controlled: PubResult) -> None:
    assert direct.probabilities is not None
    assert controlled.probabilities is not None
    for key in {*direct.probabilities, *controlled.probabilities}:
        assert abs(direct.probabilities.get(key, 0.0) - controlled.probabilities.get(key, 0.0)) < TOLERANCE
    np.testing.assert_allclose(direct.expval or (), controlled.expval or (), rtol=0, atol=TOLERANCE)
    for ours, theirs in zip(direct.arrays, controlled.arrays, strict=True):
        assert (ours.name, ours.dtype, ours.shape) == (theirs.name, theirs.dtype, theirs.shape)
        np.testing.assert_allclose(
            np.frombuffer(ours.data, np.complex128), np.frombuffer(theirs.data, np.complex128), rtol=0, atol=TOLERANCE
        )


def test_this_aer_is_one_that_is_called_directly() -> None:
    assert can_run_directly()


def test_four_hundred_random_circuits_give_the_same_numbers_both_ways(
    through_the_controller: pytest.MonkeyPatch,
) -> None:
    tasks = tasks_of(range(400))
    controlled = list(results_of(tasks))

    through_the_controller.undo()

    assert sum(map(is_direct, tasks)) > 250
    for ours, theirs in zip(results_of(tasks), controlled, strict=True):
        assert_same_numbers(ours, theirs)


@pytest.mark.usefixtures("on_the_fast_path")
def test_four_hundred_random_circuits_give_the_same_numbers_on_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = tasks_of(range(400))
    fast = list(results_of(tasks))

    monkeypatch.setattr(preparation, "can_run_directly", lambda: False)

    for ours, theirs in zip(fast, results_of(tasks), strict=True):
        assert_same_numbers(ours, theirs)


@pytest.mark.usefixtures("on_the_fast_path")
def test_the_widest_circuits_are_the_same_on_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    circuit = QuantumCircuit(MAX_DIRECT_QUBITS)
    for _ in range(60):
        first, second = random.choice(MAX_DIRECT_QUBITS, 2, replace=False).tolist()
        circuit.u(*random.uniform(-3, 3, 3), first)
        circuit.cx(first, second)
        circuit.cp(random.uniform(-3, 3), second, first)
    task = task_of(circuit, {ResultType.STATEVECTOR})
    (fast,) = result_of(task).arrays

    monkeypatch.setattr(preparation, "can_run_directly", lambda: False)
    (controlled,) = result_of(task).arrays

    np.testing.assert_allclose(
        np.frombuffer(fast.data, np.complex128), np.frombuffer(controlled.data, np.complex128), rtol=0, atol=TOLERANCE
    )


def test_without_a_limit_on_openmp_s_threads_the_fast_path_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    has_fast_path.cache_clear()

    found = has_fast_path()

    monkeypatch.undo()
    has_fast_path.cache_clear()
    assert not found


def test_where_aer_has_no_fast_path_the_other_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_THREAD_LIMIT", "1")
    monkeypatch.setattr(direct_states, "MIN_FAST_QUBITS", 1)
    monkeypatch.setattr(direct_states, "FAST_CONFIGURATION", {"no such": "configuration"})
    has_fast_path.cache_clear()

    counts = result_of(task_of(BELL, shots=100)).counts

    monkeypatch.undo()
    has_fast_path.cache_clear()
    assert counts is not None
    assert set(counts) == {"00", "11"}


def test_counts_of_random_circuits_follow_the_controller_s_probabilities(
    through_the_controller: pytest.MonkeyPatch,
) -> None:
    tasks = tasks_of(range(400, 500))
    controlled = list(results_of(tasks))

    through_the_controller.undo()

    for ours, theirs in zip(results_of(tasks), controlled, strict=True):
        assert ours.counts is not None
        assert theirs.probabilities is not None
        assert_same_distribution(ours.counts, theirs.probabilities)


@pytest.mark.parametrize("name", STANDARD_GATES)
def test_each_standard_gate_does_what_its_matrix_says_with_its_phase(name: str) -> None:
    gate = STANDARD_GATES[name]
    random = np.random.default_rng(len(name))
    circuit = QuantumCircuit(gate.num_qubits + 1)
    for qubit in range(circuit.num_qubits):
        circuit.u(*random.uniform(-3, 3, 3), qubit)
    for _ in range(3):
        applied = type(gate)(*random.uniform(-4, 4, len(gate.params)))
        circuit.append(applied, random.permutation(circuit.num_qubits)[: gate.num_qubits].tolist())
    task = task_of(circuit, {ResultType.STATEVECTOR})
    assert is_direct(task)

    (array,) = result_of(task).arrays

    np.testing.assert_allclose(np.frombuffer(array.data, np.complex128), Statevector(circuit).data, atol=TOLERANCE)


def test_a_circuit_longer_than_what_is_held_back_at_a_time_is_run_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_states, "CALLS_AT_A_TIME", 3)
    circuit = QuantumCircuit(1, 1)
    for _ in range(8):
        circuit.rx(np.pi / 8, 0)
    circuit.measure(0, 0)

    assert result_of(task_of(circuit, shots=10)).counts == {"1": 10}


def test_a_matrix_in_the_middle_is_no_gate_to_call() -> None:
    circuit = QuantumCircuit(1)
    circuit.unitary(np.eye(2), 0)

    assert direct_circuit(circuit, keeps_idle_qubits=True) is None


def test_a_gate_behind_a_measurement_is_not_called() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)

    assert direct_circuit(circuit, keeps_idle_qubits=True) is None


@pytest.mark.parametrize("body", ["reset q[0];", "bit d; d = measure q[0]; x q[0];", "if (c[0]) { x q[0]; }"])
def test_what_is_no_plain_circuit_goes_to_the_controller(body: str) -> None:
    task = task_of(HEADER3 + f"qubit[2] q; bit[2] c; h q[0]; {body} c = measure q;", backend="aer_statevector")

    assert not is_direct(task)


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (7, {}),
        (None, {"float_precision": "single"}),
        (None, {"noise_model": {"name": "depolarizing", "one_qubit_probability": 0.1}}),
    ],
)
def test_what_the_controller_does_otherwise_goes_to_it(seed: int | None, options: JsonObject) -> None:
    assert not is_direct(task_of(BELL, seed=seed, options=options, backend="aer_statevector"))


def test_a_wide_circuit_and_one_of_many_terms_go_to_the_controller() -> None:
    widest, wider = (QuantumCircuit(width) for width in (MAX_DIRECT_QUBITS, MAX_DIRECT_QUBITS + 1))
    for circuit in (widest, wider):
        circuit.rx(0.1, range(circuit.num_qubits))
        circuit.measure_all()
    many = tuple(observable(**{"Z" * MAX_DIRECT_QUBITS: 1.0}) for _ in range(33))

    assert is_direct(task_of(widest))
    assert not is_direct(task_of(wider))
    assert is_direct(task_of(widest, {ResultType.EXPVAL}, observables=many[:32]))
    assert not is_direct(task_of(widest, {ResultType.EXPVAL}, observables=many))


@pytest.mark.parametrize(
    ("name", "value"), [("NATIVE_STATE", None), ("NATIVE_STATE", object), ("KNOWN_AER_SERIES", frozenset({"0.17"}))]
)
def test_where_the_state_class_is_gone_or_of_an_unknown_version_the_controller_takes_over(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(direct_states, name, value)
    monkeypatch.setattr(direct_states, "_idle_states", list)
    can_run_directly.cache_clear()
    task = task_of(BELL, shots=100)

    direct, counts = is_direct(task), result_of(task).counts

    monkeypatch.undo()
    can_run_directly.cache_clear()
    assert not direct
    assert counts is not None
    assert set(counts) == {"00", "11"}


@pytest.mark.usefixtures("on_the_fast_path")
def test_a_circuit_that_fails_on_the_fast_path_takes_no_other_with_it() -> None:
    test_a_circuit_that_fails_takes_no_other_of_its_width_with_it()


def test_a_circuit_that_fails_takes_no_other_of_its_width_with_it() -> None:
    flip = direct_circuit(flipped(), keeps_idle_qubits=True)
    assert flip is not None
    circuits = [flip, replace(flip, calls=[*flip.calls, (fail, [0], [])]), flip]
    circuits += [replace(flip, calls=[*flip.calls, (exhaust, [0], [])]), flip]

    outcomes = [found.outcome for found in run_directly([wanting_probabilities(circuit) for circuit in circuits])]

    assert outcomes[1] == EngineFault(Reason.PLUGIN_ERROR, "Aer can't run the circuit: no such gate")
    assert outcomes[3] == EngineFault(Reason.OUT_OF_MEMORY, "Aer ran out of memory")
    for outcome in (outcomes[0], outcomes[2], outcomes[4]):
        assert isinstance(outcome, EngineData)
        assert outcome.numbers("probabilities").tolist() == [0.0, 1.0]


def fail(*_: object) -> None:
    raise RuntimeError("no such gate")


def exhaust(*_: object) -> None:
    raise MemoryError


def flipped() -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def wanting_probabilities(circuit: DirectCircuit) -> DirectExperiment:
    return DirectExperiment(circuit, wants_probabilities=True, wants_statevector=False, observables=())


@pytest.mark.parametrize(
    ("backend", "seed", "way"),
    [
        ("aer", None, "gates called on Aer's state one by one; counts drawn from exact probabilities"),
        ("aer_density_matrix", None, "counts drawn from exact probabilities"),
        ("aer_stabilizer", None, "counts drawn from the stabilizer state"),
        ("aer", 1, "counts sampled by Aer"),
    ],
)
def test_the_result_says_how_its_counts_came_about(backend: str, seed: int | None, way: str) -> None:
    task = task_of(BELL, backend=backend, seed=seed)

    assert result_of(task).run.reason == f"{task.plan.reason}; {way}"


def test_a_group_of_mixed_widths_and_ways_keeps_the_order_of_its_tasks() -> None:
    tasks = [
        task_of(BELL, key="direct", shots=10),
        task_of(BELL, key="seeded", shots=10, seed=3),
        task_of(flipped(), key="narrow", shots=10),
        task_of(BELL, key="direct too", shots=10),
    ]

    outcomes: Sequence[Outcome] = PLUGIN.run(tasks, LIMITS)

    assert [outcome.key for outcome in outcomes] == [task.key for task in tasks]
    narrow = outcomes[2]
    assert isinstance(narrow, Success)
    assert narrow.result.counts == {"1": 10}
