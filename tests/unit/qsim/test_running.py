"""Groups of tasks, and what goes wrong in them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit

from plugins.qsim import drawing, engine, library
from plugins.qsim.plugin import QsimPlugin
from qserver.errors import ExecutionError, InvalidRequest, Reason
from qserver.plugins import Failure, RunLimits, Success
from qserver.results import ResultType
from tests.unit.aer.running import BELL, LIMITS
from tests.unit.qsim.running import failure_of, needs_qsim, outcomes_of, result_of, task_of
from tests.unit.qsim.test_numbers import scrambled

pytestmark = needs_qsim

ROOT = Path(__file__).parents[3]


def test_each_task_of_a_group_has_its_own_shots_and_seed() -> None:
    tasks = [task_of(BELL, key=str(shots), shots=shots, seed=shots) for shots in (10, 20, 30)]

    outcomes = outcomes_of(tasks)

    for key, outcome in outcomes.items():
        assert isinstance(outcome, Success)
        assert sum((outcome.result.counts or {}).values()) == int(key) == outcome.result.run.seed


def test_short_tasks_share_a_call_and_long_ones_run_alone() -> None:
    plugin = QsimPlugin()
    short = task_of(BELL)

    assert plugin.batch_key(short) == plugin.batch_key(task_of(BELL, seed=1)) is not None
    assert plugin.batch_key(replace(short, plan=replace(short.plan, threads=0))) is None
    assert plugin.batch_key(replace(short, plan=replace(short.plan, seconds=1.0))) is None


def test_a_task_that_fails_takes_no_other_with_it() -> None:
    good, wide = task_of(BELL, key="good"), task_of(scrambled(10), ResultType.STATEVECTOR, key="wide")

    outcomes = outcomes_of([good, wide], RunLimits(memory_bytes=2**30, threads=1, result_bytes=1000))

    assert isinstance(outcomes["good"], Success)
    failure = outcomes["wide"]
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.RESULT_TOO_LARGE


def test_a_state_that_has_no_room_is_refused_before_qsim_dies_of_it() -> None:
    failure = failure_of(task_of(scrambled(12), ResultType.STATEVECTOR), replace(LIMITS, memory_bytes=2**14))

    assert failure.reason is Reason.OUT_OF_MEMORY
    assert failure.message == "the state of 12 qubits is 32,768 bytes; the simulator may use 16,384"


def test_a_state_that_the_system_has_no_room_for_is_refused_too() -> None:
    with pytest.raises(ExecutionError, match="the system has no such room") as refused:
        engine.check_room(55, 2**62)

    assert refused.value.reason is Reason.OUT_OF_MEMORY


def test_threads_are_those_that_the_worker_gives() -> None:
    assert result_of(task_of(BELL), replace(LIMITS, threads=2)).run.threads == 2


def test_a_worker_without_the_package_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "DISTRIBUTION", "qsimcirq_that_is_not_there")
    library.extension.cache_clear()

    failure = failure_of(task_of(BELL))

    library.extension.cache_clear()
    assert failure.reason is Reason.PLUGIN_UNAVAILABLE
    assert failure.message.endswith("use the backend aer or auto")


def test_loading_the_engine_does_not_load_cirq() -> None:
    program = (
        "import sys; from tests.unit.qsim.running import result_of, task_of; "
        f"result_of(task_of({BELL!r})); print(*sorted({{'cirq', 'qsimcirq', 'pandas', 'sympy'}} & set(sys.modules)))"
    )

    # In a process of its own: other tests of this one load pandas.
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )

    assert run.stdout.strip() == ""


def test_a_state_that_lost_its_norm_is_a_fault_of_the_engine() -> None:
    broken = np.full(4, 0.4, dtype=np.complex64)

    for call in (lambda: drawing.draw(broken, 10, np.random.default_rng(1)), lambda: drawing.marginal(broken, [0])):
        with pytest.raises(ExecutionError, match=r"sum to 0\.64, not to 1"):
            call()


def test_a_reset_in_the_middle_is_refused_at_admission() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.reset(0)
    circuit.measure(0, 0)

    with pytest.raises(InvalidRequest, match="use the backend aer"):
        task_of(circuit)


def test_options_that_it_can_not_keep_are_refused_in_the_sandbox_too() -> None:
    with pytest.raises(InvalidRequest, match="use the backend aer"):
        QsimPlugin().check_options({"float_precision": "double"})
