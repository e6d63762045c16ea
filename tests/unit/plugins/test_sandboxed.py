"""Plugins called through a process that may die."""

from collections.abc import Iterator

import pytest

from plugins.child import handlers
from plugins.engines import load_modules
from plugins.registry import Registry
from plugins.sandboxed import PluginProcess, spawn_plugin_process
from qserver.circuits import Circuit, CircuitFormat, CircuitSource, Inspection
from qserver.errors import ExecutionError, InvalidCircuit, InvalidRequest, NotFound, Reason
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Failure, Plan, RunLimits, Success, Task
from qserver.results import ResultType
from qserver.sandbox.codec import pack
from qserver.sandbox.errors import ChildDied
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from tests.bell import BELL_PROFILE
from tests.unit.plugins.fakes import CoinPlugin

MIB = 1024 * 1024
LIMITS = RunLimits(memory_bytes=256 * MIB, threads=1, result_bytes=MIB, environment={"COIN_ENGINE": "machine"})
SOURCE = b"OPENQASM 2.0;"


@pytest.fixture(scope="module")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver(["tests.unit.plugins.coin_child"]) as server:
        yield server


@pytest.fixture
def process(forkserver: Forkserver) -> Iterator[PluginProcess]:
    limits = Limits(memory_bytes=256 * MIB)
    with spawn_plugin_process(forkserver, limits, entry="tests.unit.plugins.coin_child:main") as plugin_process:
        yield plugin_process


def make_task(key: str, *, shots: int = 10, metadata: JsonObject | None = None) -> Task:
    inspection = Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, None)
    request = RunRequest("coin", frozenset({ResultType.COUNTS}), shots=shots, metadata=metadata or {})
    plan = Plan("toss", "CPU", "double", threads=1, memory_bytes=1, seconds=0.001, reason="always")
    return Task(key, Circuit(CircuitFormat.OPENQASM2, SOURCE, inspection), request, plan)


def test_a_circuit_is_inspected(process: PluginProcess) -> None:
    inspection = process.inspect("coin", SOURCE, CircuitFormat.OPENQASM2, timeout_seconds=20)

    assert inspection == Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, SOURCE[::-1])


def test_a_bad_circuit_is_refused_with_its_place(process: PluginProcess) -> None:
    with pytest.raises(InvalidCircuit, match="there is an oops") as caught:
        process.inspect("coin", b"oops", CircuitFormat.OPENQASM2, timeout_seconds=20)

    assert (caught.value.line, caught.value.column) == (2, 5)


def test_of_several_circuits_each_has_its_own_finding(process: PluginProcess) -> None:
    circuits = [CircuitSource(CircuitFormat.OPENQASM2, source) for source in (SOURCE, b"oops", SOURCE[:3])]

    first, second, third = process.inspect_all("coin", circuits, timeout_seconds=20)

    assert first == Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, SOURCE[::-1])
    assert isinstance(second, InvalidCircuit)
    assert (second.line, second.column) == (2, 5)
    assert isinstance(third, Inspection)
    assert third.qpy == SOURCE[:3][::-1]


def test_options_are_checked(process: PluginProcess) -> None:
    process.check_options("coin", {"sides": 2}, timeout_seconds=20)

    with pytest.raises(InvalidRequest, match="no bias") as caught:
        process.check_options("coin", {"bias": {"heads": [1, 2.5, None]}}, timeout_seconds=20)

    assert caught.value.reason is Reason.INVALID_OPTION


def test_tasks_come_back_in_their_order_each_with_its_own_outcome(process: PluginProcess) -> None:
    tasks = [make_task("a"), make_task("b", shots=0), make_task("c", shots=7)]

    first, second, third = process.run("coin", tasks, LIMITS, timeout_seconds=20)

    assert isinstance(first, Success)
    assert (first.key, first.result.counts, first.result.run.engine) == ("a", {"00": 10}, "machine")
    assert second == Failure("b", Reason.INVALID_REQUEST, "no toss, no result")
    assert isinstance(third, Success)
    assert third.result.counts == {"00": 7}


@pytest.mark.parametrize(("behaviour", "count"), [("forget", 1), ("repeat", 3)])
def test_a_plugin_owes_one_outcome_for_each_task(process: PluginProcess, behaviour: str, count: int) -> None:
    tasks = [make_task("a", metadata={"behaviour": behaviour}), make_task("b")]

    with pytest.raises(ExecutionError, match=f"gave {count} outcomes .* for 2 tasks") as caught:
        process.run("coin", tasks, LIMITS, timeout_seconds=20)

    assert caught.value.reason is Reason.PLUGIN_ERROR
    assert process.is_alive


def test_a_plugin_that_ends_its_process_ends_the_call(process: PluginProcess) -> None:
    with pytest.raises(ChildDied, match="exit code 9"):
        process.run("coin", [make_task("a", metadata={"behaviour": "leave"})], LIMITS, timeout_seconds=20)

    assert not process.is_alive
    assert process.memory_bytes() == 0


def test_a_killed_process_takes_no_more_calls(process: PluginProcess) -> None:
    process.warm_up("coin", timeout_seconds=20)
    process.kill()

    with pytest.raises(ChildDied):
        process.warm_up("coin", timeout_seconds=20)


def test_an_unknown_plugin_is_told(process: PluginProcess) -> None:
    with pytest.raises(NotFound, match="no plugin 'dice'"):
        process.warm_up("dice", timeout_seconds=20)


@pytest.mark.parametrize(
    ("findings", "fault"),
    [
        ([{"inspection": {"profile": "none of yours"}}], r"sent no proper InspectReply: findings\.0\.inspection"),
        ([], "gave 0 findings for 1 circuits"),
        ([{}], "answered for a circuit in words of its own: it sent a fault that is no object"),
    ],
)
def test_what_a_child_sends_in_place_of_an_inspection_is_refused(
    process: PluginProcess, monkeypatch: pytest.MonkeyPatch, findings: list[object], fault: str
) -> None:
    monkeypatch.setattr(process._child, "call", lambda *_arguments, **_limits: pack({"findings": findings}))

    with pytest.raises(ExecutionError, match=f"the plugin 'coin' {fault}") as caught:
        process.inspect("coin", SOURCE, CircuitFormat.OPENQASM2, timeout_seconds=20)

    assert caught.value.reason is Reason.PLUGIN_ERROR


def test_the_childs_methods_answer_in_process_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COIN_ENGINE", "")
    methods = handlers(Registry([CoinPlugin()]))

    assert set(methods) == {"inspect", "check_options", "describe_noise_model", "run", "warm_up"}
    assert methods["warm_up"](pack({"plugin": "coin"})) == b""


def test_a_module_that_is_absent_is_named_and_a_broken_one_is_told() -> None:
    assert load_modules(["json", "plugins.nowhere"]) == ["plugins.nowhere"]
    with pytest.raises(OSError, match="its library is missing"):
        load_modules(["tests.unit.plugins.broken_engine"])
