"""Where a job of `auto` runs in the end: by what is installed, and by figures measured on the machine."""

from dataclasses import replace

import pytest
from qiskit import QuantumCircuit

from plugins.auto import calibration, settling
from plugins.auto.calibration import Figures, figures
from plugins.auto.plugin import AutoPlugin
from plugins.qsim import library
from qserver.plugins import Failure, Resources, Success, Task
from qserver.results import ResultType
from tests.unit.aer.chi_square import assert_same_distribution
from tests.unit.aer.running import BELL, LIMITS
from tests.unit.qsim.running import needs_qsim, outcomes_of, result_of, task_of

pytestmark = needs_qsim

PLUGIN = AutoPlugin()


def dense_task(num_qubits: int = 16, *, key: str = "task", seed: int | None = None) -> Task:
    circuit = QuantumCircuit(num_qubits, 3)
    circuit.compose(calibration.dense_circuit(num_qubits, 20), inplace=True)
    circuit.measure([0, 1, num_qubits - 1], range(3))
    return task_of(circuit, plugin=PLUGIN, key=key, shots=20_000, seed=seed)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Figures]:
    """The figures that a test says were measured: the last one counts."""
    said = [Figures(threads=1, aer=2.0, qsim=0.2)]
    monkeypatch.setattr(settling, "figures", lambda _threads: said[-1])
    return said


@pytest.mark.usefixtures("measured")
def test_a_dense_circuit_is_run_by_qsim_and_the_record_says_why() -> None:
    run = result_of(dense_task(), plugin=PLUGIN).run

    assert (run.backend, run.plugin, run.engine, run.float_precision) == ("auto", "qsim", "qsim", "single")
    assert "auto took qsim" in run.reason
    assert "a gate costs 0.2 ns an amplitude with qsim, 2 ns with Aer" in run.reason


def test_it_is_run_by_aer_in_the_same_precision_where_aer_is_faster(measured: list[Figures]) -> None:
    measured.append(Figures(threads=1, aer=0.2, qsim=2.0))

    run = result_of(dense_task(), plugin=PLUGIN).run

    assert (run.backend, run.plugin, run.method, run.float_precision) == ("auto", "aer", "statevector", "single")
    assert "Aer ran it: measured on this machine" in run.reason


def test_it_is_run_by_aer_where_qsim_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "is_installed", lambda: False)

    result = result_of(dense_task(), plugin=PLUGIN)

    assert result.run.plugin == "aer"
    assert "this worker has no qsimcirq" in result.run.reason


def test_both_engines_draw_from_the_same_distribution(measured: list[Figures]) -> None:
    exact = result_of(task_of_probabilities(), plugin=PLUGIN).probabilities or {}

    by_qsim = result_of(dense_task(), plugin=PLUGIN)
    measured.append(Figures(threads=1, aer=0.2, qsim=2.0))
    by_aer = result_of(dense_task(), plugin=PLUGIN)

    assert (by_qsim.run.plugin, by_aer.run.plugin) == ("qsim", "aer")
    for result in (by_qsim, by_aer):
        assert_same_distribution(dict(result.counts or {}), dict(exact))


def task_of_probabilities() -> Task:
    circuit = QuantumCircuit(16, 3)
    circuit.compose(calibration.dense_circuit(16, 20), inplace=True)
    circuit.measure([0, 1, 15], range(3))
    return task_of(circuit, ResultType.PROBABILITIES, plugin=PLUGIN)


@pytest.mark.usefixtures("measured")
def test_what_aer_is_planned_for_runs_as_on_the_backend_aer() -> None:
    seeded = dense_task(8, seed=5)

    run = result_of(seeded, plugin=PLUGIN).run

    assert (run.backend, run.plugin, run.seed, run.float_precision) == ("auto", "aer", 5, "double")


@pytest.mark.usefixtures("measured")
def test_engines_do_not_share_a_call() -> None:
    keys = {PLUGIN.batch_key(dense_task()), PLUGIN.batch_key(task_of(BELL, plugin=PLUGIN))}

    assert {str(key).split(":")[0] for key in keys} == {"qsim", "aer"}


def test_a_task_that_aer_has_no_room_for_fails_alone(measured: list[Figures]) -> None:
    measured.append(Figures(threads=1, aer=0.2, qsim=2.0))
    large, small = dense_task(16, key="large"), dense_task(15, key="small")

    outcomes = outcomes_of([large, small], replace(LIMITS, memory_bytes=400_000), plugin=PLUGIN)

    assert isinstance(outcomes["small"], Success)
    assert isinstance(outcomes["large"], Failure)


def test_both_engines_are_measured_once_for_each_number_of_threads() -> None:
    figures.cache_clear()

    found = figures(1)

    assert found is figures(1)
    assert found.threads == 1
    assert found.aer > 0
    assert found.qsim > 0
    assert "qubits, threads: 1" in found.words


def test_where_no_worker_is_known_plans_are_made_all_the_same() -> None:
    task = task_of(BELL, plugin=PLUGIN, resources=Resources(0, 0, 0))

    assert result_of(task, plugin=PLUGIN).counts
