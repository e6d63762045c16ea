"""The template of an entry-point plugin: found by its entry point, run in a sandbox."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from plugins.registry import Registry
from plugins.sandboxed import PluginProcess, spawn_plugin_process
from qserver.circuits import Circuit, CircuitFormat
from qserver.errors import InvalidCircuit, InvalidRequest
from qserver.jobs import RunRequest
from qserver.json_types import JsonValue
from qserver.plugins import Plugin, Resources, Success, Task
from qserver.results import ResultType
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import MIB, Limits
from tests.integration.file_plugin.tasks import LIMITS

NOWHERE = Resources(memory_bytes=0, gpu_memory_bytes=0, cores=0)

ADDER = b"""OPENQASM 2.0;
include "qelib1.inc";
qreg q[4];
creg c[4];
x q[0];   // 1 + 1
x q[1];
ccx q[0], q[1], q[2];
cx q[0], q[1];
measure q -> c;
"""


@pytest.fixture
def plugin(template_wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    wheel = next(template_wheels.glob("reversible_plugin-*.whl"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={tmp_path}"]
    subprocess.run([*pip, str(wheel)], check=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Registry.built_in().plugin("reversible")
    for name in [name for name in sys.modules if name.split(".")[0] == "reversible_plugin"]:
        del sys.modules[name]


@pytest.fixture
def process(plugin: Plugin, forkserver: Forkserver) -> Iterator[PluginProcess]:  # noqa: ARG001 - which installs it
    with spawn_plugin_process(forkserver, Limits(memory_bytes=512 * MIB)) as process:
        yield process


def run_request(**options: JsonValue) -> RunRequest:
    wanted = frozenset({ResultType.COUNTS, ResultType.QUASI_DIST})
    return RunRequest(backend="reversible", result_types=wanted, shots=1000, seed=7, options=options)


def make_task(plugin: Plugin, process: PluginProcess, key: str, request: RunRequest) -> Task:
    inspection = process.inspect("reversible", ADDER, CircuitFormat.OPENQASM2, timeout_seconds=30)
    plan = plugin.plan(inspection.profile, request, NOWHERE)
    return Task(key, Circuit(CircuitFormat.OPENQASM2, ADDER, inspection), request, plan)


def test_jobs_of_one_batch_get_their_own_results(plugin: Plugin, process: PluginProcess) -> None:
    exact = make_task(plugin, process, "exact", run_request())
    noisy = make_task(plugin, process, "noisy", run_request(flip_probability=0.25))
    again = make_task(plugin, process, "again", run_request(flip_probability=0.25))

    outcomes = process.run("reversible", [exact, noisy, again], LIMITS, timeout_seconds=30)

    results = [outcome.result for outcome in outcomes if isinstance(outcome, Success)]
    assert len(results) == 3
    assert results[0].counts == {"0101": 1000}
    assert results[0].quasi_dist == {"5": 1.0}
    assert results[1].counts == results[2].counts
    assert results[1].counts is not None
    assert 200 < results[1].counts["0101"] < 440  # 0.75**4 = 0.316: 8 standard deviations


def test_the_planner_lets_them_travel_together(plugin: Plugin, process: PluginProcess) -> None:
    first = make_task(plugin, process, "first", run_request())
    second = make_task(plugin, process, "second", run_request(flip_probability=0.5))

    assert plugin.batch_key(first) == plugin.batch_key(second) is not None


def test_a_bad_circuit_is_refused_with_its_line(process: PluginProcess) -> None:
    with pytest.raises(InvalidCircuit, match="h on 1 qubits is no gate") as caught:
        process.inspect(
            "reversible", ADDER.replace(b"x q[1];", b"h q[1];"), CircuitFormat.OPENQASM2, timeout_seconds=30
        )

    assert caught.value.line == 6


def test_a_circuit_that_measures_nothing_is_refused_before_it_is_stored(plugin: Plugin, process: PluginProcess) -> None:
    source = ADDER.replace(b"measure q -> c;", b"")
    inspection = process.inspect("reversible", source, CircuitFormat.OPENQASM2, timeout_seconds=30)

    with pytest.raises(InvalidRequest, match="measures nothing"):
        plugin.plan(inspection.profile, run_request(), NOWHERE)


@pytest.mark.parametrize(
    ("options", "is_good"),
    [({}, True), ({"flip_probability": 0.1}, True), ({"flip_probability": 2}, False), ({"flips": 0.1}, False)],
)
def test_options_are_told_apart_by_the_schema(plugin: Plugin, options: dict[str, JsonValue], is_good: bool) -> None:  # noqa: FBT001
    [backend] = plugin.backends()

    assert jsonschema.Draft202012Validator(backend.options_schema).is_valid(options) is is_good
