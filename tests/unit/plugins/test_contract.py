"""What services expect of every plugin that comes with QServer."""

from collections.abc import Sequence

import jsonschema
import pytest

from plugins.registry import Registry
from qserver.circuits import CircuitFormat, CircuitSource
from qserver.errors import InvalidCircuit, InvalidRequest
from qserver.plugins import Failure, Plugin, RunLimits, Success, Task
from qserver.results import ResultType
from tests.unit.aer.running import BELL, HEADER2, LIMITS
from tests.unit.qsim.running import needs_qsim, outcomes_of, result_of, task_of

PLUGINS: Sequence[Plugin] = Registry.built_in().plugins
every_plugin = pytest.mark.parametrize(
    "plugin", [pytest.param(each, id=each.name, marks=needs_qsim if each.name == "qsim" else ()) for each in PLUGINS]
)


def bell_task(plugin: Plugin, *types: ResultType, key: str = "task") -> Task:
    return task_of(BELL, *types, plugin=plugin, key=key)


@every_plugin
def test_backends_have_schemas_that_take_no_options_and_refuse_unknown_ones(plugin: Plugin) -> None:
    for backend in plugin.backends():
        jsonschema.Draft202012Validator.check_schema(backend.options_schema)
        jsonschema.validate({}, backend.options_schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"no such option": 1}, backend.options_schema)


@every_plugin
def test_a_plan_is_complete(plugin: Plugin) -> None:
    plan = bell_task(plugin).plan

    assert plan.method
    assert plan.device == "CPU"
    assert plan.float_precision in {"double", "single"}
    assert plan.threads == 1
    assert plan.memory_bytes > 0
    assert 0 < plan.seconds < 0.1
    assert plan.reason


@every_plugin
def test_a_bell_pair_gives_equal_bits_and_a_record_of_the_run(plugin: Plugin) -> None:
    result = result_of(bell_task(plugin), plugin=plugin)

    assert set(result.counts or {}) == {"00", "11"}
    assert sum((result.counts or {}).values()) == result.run.shots == 1000
    assert result.run.backend == plugin.backends()[0].name
    assert result.run.plugin
    assert result.run.engine_version
    assert result.run.reason


@every_plugin
def test_fields_that_were_not_asked_for_are_none(plugin: Plugin) -> None:
    result = result_of(bell_task(plugin, ResultType.PROBABILITIES), plugin=plugin)

    assert (result.counts, result.quasi_dist, result.expval, result.arrays) == (None, None, None, ())
    assert result.probabilities == pytest.approx({"00": 0.5, "11": 0.5}, abs=1e-6)


@every_plugin
def test_a_group_has_one_outcome_for_each_task(plugin: Plugin) -> None:
    tasks = [bell_task(plugin, key=str(number)) for number in range(5)]
    assert len({plugin.batch_key(task) for task in tasks}) == 1

    outcomes = outcomes_of(tasks, plugin=plugin)

    assert set(outcomes) == {"0", "1", "2", "3", "4"}
    assert all(isinstance(outcome, Success) for outcome in outcomes.values())


@every_plugin
def test_a_task_that_fails_takes_no_other_with_it(plugin: Plugin) -> None:
    wide = f"{HEADER2}qreg q[8];creg c[8];{''.join(f'h q[{qubit}];' for qubit in range(8))}measure q->c;"
    tasks = [bell_task(plugin, key="good"), task_of(wide, plugin=plugin, key="large")]

    outcomes = outcomes_of(tasks, RunLimits(LIMITS.memory_bytes, threads=1, result_bytes=300), plugin=plugin)

    assert isinstance(outcomes["good"], Success)
    assert isinstance(outcomes["large"], Failure)


@every_plugin
def test_circuits_are_read_alike(plugin: Plugin) -> None:
    sent = CircuitSource(CircuitFormat.OPENQASM2, BELL.encode())

    inspection = plugin.inspect(sent.source, sent.circuit_format)

    assert inspection == PLUGINS[0].inspect(sent.source, sent.circuit_format)
    with pytest.raises(InvalidCircuit):
        plugin.inspect(b"OPENQASM 2.0; oops", CircuitFormat.OPENQASM2)


@every_plugin
def test_an_option_that_nobody_has_is_refused_in_the_sandbox(plugin: Plugin) -> None:
    with pytest.raises(InvalidRequest, match="no such option"):
        plugin.check_options({"no such option": 1})
