"""Groups of tasks, failures, limits and what is recorded of a run."""

from dataclasses import replace

import pytest
import qiskit_aer
from qiskit import QuantumCircuit

from plugins.aer.engine import THREAD_LIMIT_VARIABLE, kept_simulator, threading_options
from plugins.aer.planner import plan
from qserver.circuits import Circuit, CircuitFormat
from qserver.errors import Reason
from qserver.json_types import JsonObject
from qserver.plugins import Failure, Resources, Success, Task
from qserver.results import ResultType
from tests.unit.aer.running import (
    BELL,
    HEADER2,
    HEADER3,
    LIMITS,
    PLUGIN,
    circuit_of,
    counts_of,
    failure_of,
    observable,
    outcome_of,
    result_of,
    statevector_of,
    task_of,
)

BIG_WORKER = Resources(memory_bytes=2**40, gpu_memory_bytes=0, cores=2)


def bell(key: str, **changes: object) -> Task:
    return replace(task_of(BELL, shots=100), key=key, **changes)  # type: ignore[arg-type]


def test_each_task_of_a_group_keeps_its_own_shots_and_result() -> None:
    tasks = [task_of(BELL, key=str(shots), shots=shots) for shots in (10, 20, 30)]
    tasks.append(task_of(BELL, {ResultType.EXPVAL}, key="expval", observables=(observable(ZZ=1.0),)))
    tasks.append(task_of(BELL, key="seeded", shots=40, seed=1))

    outcomes = {outcome.key: outcome for outcome in PLUGIN.run(tasks, LIMITS)}

    assert list(outcomes) == ["10", "20", "30", "expval", "seeded"]
    for shots in (10, 20, 30):
        found = outcomes[str(shots)]
        assert isinstance(found, Success)
        assert found.result.counts is not None
        assert sum(found.result.counts.values()) == shots


@pytest.mark.parametrize("backend", ["aer_statevector", "aer_matrix_product_state"])
def test_a_statevector_beside_wider_circuits_is_as_wide_as_its_own(backend: str) -> None:
    widths = (3, 1, 2, 3)
    tasks = []
    for position, width in enumerate(widths):
        circuit = QuantumCircuit(width)
        circuit.h(range(width))
        tasks.append(task_of(circuit, {ResultType.STATEVECTOR}, key=str(position), backend=backend))

    outcomes = PLUGIN.run(tasks, LIMITS)

    for width, outcome in zip(widths, outcomes, strict=True):
        assert isinstance(outcome, Success), outcome
        assert statevector_of(outcome.result) == pytest.approx([2 ** (-width / 2)] * 2**width)


def test_one_thread_takes_the_fast_path_of_two_where_openmp_starts_only_one() -> None:
    held = {"OMP_NUM_THREADS": "2", "OMP_THREAD_LIMIT": "1"}

    assert threading_options(1, held)["max_parallel_threads"] == 2
    assert threading_options(1, {"OMP_NUM_THREADS": "2"}) == {"max_parallel_threads": 1}
    assert threading_options(4, {"OMP_NUM_THREADS": "4"}) == {"max_parallel_threads": 4}


@pytest.mark.parametrize(
    "noise", [None, {"name": "depolarizing", "two_qubit_probability": 0.1}], ids=["exact", "noisy"]
)
def test_a_seed_gives_the_same_counts_on_the_fast_path(
    noise: JsonObject | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = "h q;\n" + "".join(f"cx q[{i}],q[{i + 1}];\nry(0.{i + 1}) q[{i}];\n" for i in range(10))
    source = HEADER2 + f"qreg q[11];\ncreg c[11];\n{gates}measure q -> c;\n"
    options: JsonObject = {"noise_model": noise} if noise else {}
    backend = "aer_statevector"
    monkeypatch.delenv(THREAD_LIMIT_VARIABLE, raising=False)
    slow = counts_of(task_of(source, backend=backend, seed=3, shots=100, options=options))
    kept_simulator.cache_clear()

    monkeypatch.setenv(THREAD_LIMIT_VARIABLE, "1")
    fast = counts_of(task_of(source, backend=backend, seed=3, shots=100, options=options))
    kept_simulator.cache_clear()

    assert fast == slow


def test_small_tasks_share_a_call_and_different_settings_do_not() -> None:
    keys = {
        name: PLUGIN.batch_key(task)
        for name, task in {
            "one": task_of(BELL),
            "other shots": task_of(BELL, shots=7),
            "seeded": task_of(BELL, seed=1),
            "single": task_of(BELL, options={"float_precision": "single"}),
            "noisy": task_of(BELL, backend="aer_statevector", options={"noise_model": {"name": "readout"}}),
            "method": task_of(BELL, backend="aer_density_matrix"),
        }.items()
    }

    assert keys["one"] == keys["other shots"] == keys["seeded"]
    assert len(set(keys.values())) == 4


def test_a_task_that_needs_all_cores_or_much_time_runs_alone() -> None:
    task = task_of(BELL)

    assert PLUGIN.batch_key(replace(task, plan=replace(task.plan, threads=0))) is None
    assert PLUGIN.batch_key(replace(task, plan=replace(task.plan, seconds=1.0))) is None


def test_a_circuit_that_the_engine_refuses_fails_alone() -> None:
    profile = circuit_of(HEADER2 + "qreg q[1];\ncreg c[1];\nt q[0];\nmeasure q -> c;\n")
    not_clifford = replace(task_of(BELL, backend="aer_stabilizer", seed=1), key="bad", circuit=profile)

    outcomes = PLUGIN.run([bell("first"), not_clifford, bell("last")], LIMITS)

    assert [type(outcome) for outcome in outcomes] == [Success, Failure, Success]


def test_a_circuit_without_room_fails_alone_and_says_so() -> None:
    wide = (
        HEADER2 + "qreg q[31];\ncreg c[31];\n" + "".join(f"rx(0.1) q[{i}];\n" for i in range(31)) + "measure q -> c;\n"
    )
    big = task_of(wide, key="big", backend="aer_statevector", shots=100, resources=BIG_WORKER)
    small = task_of(BELL, key="small", backend="aer_statevector", shots=100)
    small = replace(small, request=replace(small.request, seed=None))

    outcomes = PLUGIN.run([small, big], LIMITS)

    assert isinstance(outcomes[0], Success)
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].reason is Reason.OUT_OF_MEMORY
    assert "Insufficient memory" in outcomes[1].message


def test_a_group_in_which_aer_refuses_one_circuit_runs_the_others() -> None:
    opaque = circuit_of(HEADER2 + "qreg q[1];\ncreg c[1];\nh q[0];\nmeasure q -> c;\n")
    wrong_source = Circuit(CircuitFormat.OPENQASM2, b"OPENQASM 2.0; garbage", replace(opaque.inspection, qpy=b"junk"))

    outcomes = PLUGIN.run([bell("first"), bell("broken", circuit=wrong_source), bell("last")], LIMITS)

    assert [type(outcome) for outcome in outcomes] == [Success, Failure, Success]
    assert isinstance(outcomes[1], Failure)
    assert outcomes[1].reason is Reason.INVALID_CIRCUIT


def test_where_the_qpy_can_t_be_read_the_source_is() -> None:
    task = task_of(BELL, shots=50)
    unreadable = replace(task.circuit, inspection=replace(task.circuit.inspection, qpy=b"QISKIT\xff from the future"))

    counts = counts_of(replace(task, circuit=unreadable))

    assert set(counts) <= {"00", "11"}


@pytest.mark.parametrize(
    ("wanted", "limit_bytes"),
    [
        ({ResultType.COUNTS}, 2000),
        ({ResultType.QUASI_DIST}, 2000),
        ({ResultType.MEMORY}, 1000),
        ({ResultType.PROBABILITIES}, 2000),
        ({ResultType.STATEVECTOR}, 10_000),
    ],
)
def test_a_result_over_the_limit_fails_with_both_sizes(wanted: set[ResultType], limit_bytes: int) -> None:
    source = HEADER2 + "qreg q[10];\ncreg c[10];\nh q;\nmeasure q -> c;\n"

    failure = failure_of(task_of(source, wanted), replace(LIMITS, result_bytes=limit_bytes))

    assert failure.reason is Reason.RESULT_TOO_LARGE
    assert f"the limit is {limit_bytes:,} (QSERVER_MAX_RESULT_BYTES)" in failure.message


def test_what_is_needed_to_repeat_a_run_is_recorded() -> None:
    run = result_of(task_of(BELL, shots=123, seed=77)).run

    assert (run.backend, run.method, run.device, run.float_precision) == ("aer", "statevector", "CPU", "double")
    assert (run.shots, run.seed, run.threads) == (123, 77, 1)
    assert (run.plugin, run.plugin_version) == ("aer", PLUGIN.version)
    assert (run.engine, run.engine_version) == ("qiskit-aer", qiskit_aer.__version__)
    assert "fits in memory" in run.reason
    assert run.seconds.loading > 0
    assert run.seconds.simulating > 0


def test_single_precision_gives_a_statevector_of_half_the_bytes() -> None:
    single = result_of(task_of(BELL, {ResultType.STATEVECTOR}, options={"float_precision": "single"}))
    double = result_of(task_of(BELL, {ResultType.STATEVECTOR}))

    assert (single.arrays[0].dtype, len(single.arrays[0].data)) == ("complex64", 32)
    assert (double.arrays[0].dtype, len(double.arrays[0].data)) == ("complex128", 64)
    assert statevector_of(single) == pytest.approx(statevector_of(double), abs=1e-6)


@pytest.mark.parametrize("backend", ["aer", "aer_statevector", "aer_density_matrix"])
def test_single_precision_draws_and_sums_to_one(backend: str) -> None:
    source = HEADER2 + "qreg q[6];\ncreg c[6];\n" + "h q;\nt q;\nh q;\n" * 20 + "measure q -> c;\n"
    wanted = {ResultType.COUNTS, ResultType.PROBABILITIES}

    result = result_of(task_of(source, wanted, backend=backend, options={"float_precision": "single"}))

    assert sum((result.probabilities or {}).values()) == pytest.approx(1.0, abs=1e-9)


def test_a_bond_dimension_makes_the_matrix_product_state_approximate() -> None:
    circuit = QuantumCircuit(6, 6)
    for turn in range(4):
        for qubit in range(6):
            circuit.rx(0.7 + 0.1 * qubit + turn, qubit)
        for qubit in range(5):
            circuit.cx(qubit, qubit + 1)
    observables = (observable(ZZZZZZ=1.0),)
    (exact,) = result_of(task_of(circuit, {ResultType.EXPVAL}, observables=observables)).expval or ()

    values = [
        result_of(
            task_of(
                circuit,
                {ResultType.EXPVAL},
                backend="aer_matrix_product_state",
                options={"max_bond_dimension": bond},
                observables=observables,
            )
        ).expval
        for bond in (1, 8)
    ]

    assert values[1] == pytest.approx((exact,), abs=1e-9)
    assert values[0] != pytest.approx((exact,), abs=1e-3)


def test_a_gpu_that_isn_t_there_fails_the_task_with_a_sentence() -> None:
    task = task_of(BELL)
    on_gpu = replace(task, plan=replace(task.plan, device="GPU"))

    outcome = outcome_of(on_gpu)

    if isinstance(outcome, Failure):  # a machine with a GPU runs it
        assert outcome.reason is Reason.PLUGIN_ERROR
        assert "GPU" in outcome.message


def test_an_inspected_circuit_of_every_format_runs_alike() -> None:
    openqasm3 = HEADER3 + "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n"
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])

    counts = [counts_of(task_of(source, shots=200, seed=3)) for source in (BELL, openqasm3, circuit)]

    assert counts[0] == counts[1] == counts[2]


def test_the_plan_of_an_inspected_circuit_is_the_plan_of_its_profile() -> None:
    task = task_of(BELL)

    assert plan(task.circuit.inspection.profile, task.request, Resources(2 * 2**30, 0, 2)) == task.plan
