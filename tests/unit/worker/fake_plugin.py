"""A plugin whose circuits say how to behave, and the process that runs it."""

import ctypes
import threading
from collections.abc import Sequence
from pathlib import Path

from plugins.child import handlers
from plugins.registry import Registry
from qserver.circuits import CircuitFormat, CircuitProfile, Inspection
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Outcome, Plan, Resources, RunLimits, Success, Task
from qserver.results import PubResult, ResultType, RunRecord
from qserver.sandbox.child import serve

ENTRY = "tests.unit.worker.fake_plugin:main"


class FakePlugin:
    """Does what the first word of a circuit says, in the order of the tasks; any other word gives counts."""

    name = "fake"
    version = "1"

    def backends(self) -> Sequence[BackendSpec]:
        return [
            BackendSpec(
                name="fake",
                description="does as it is told",
                result_types=frozenset({ResultType.COUNTS}),
                formats=frozenset({CircuitFormat.OPENQASM2, CircuitFormat.TEXT}),
                options_schema={},
            )
        ]

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        del profile, resources
        device = str(request.options.get("device", "CPU"))
        return Plan("fake", device, "double", threads=1, memory_bytes=1, seconds=0.001, reason="test")

    def batch_key(self, task: Task) -> str | None:
        if task.circuit.source == b"unkeyable":
            raise ValueError("a bug of the plugin")
        return "same" if task.plan.threads == 1 else None

    def check_options(self, options: JsonObject) -> None:
        del options

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        del source
        return Inspection(circuit_format, None, None)

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        return [_run(task, limits) for task in tasks]


class WrongPlugin(FakePlugin):
    """Gives counts that no Bell pair has."""

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        return [_success(task, limits, counts={"01": task.request.shots}) for task in tasks]


def main() -> None:
    serve(handlers(Registry([FakePlugin()])))


def main_of_wrong_plugin() -> None:
    serve(handlers(Registry([WrongPlugin()])))


def _run(task: Task, limits: RunLimits) -> Outcome:
    word, *arguments = task.circuit.source.decode().split()
    match word:
        case "hang":
            threading.Event().wait()
        case "crash":
            ctypes.string_at(0)
        case "raise":
            raise ValueError("a fault of the circuit")
        case "hog":
            bytearray(int(arguments[0]))
        case "flood":
            return _success(task, limits, counts={f"{number:064b}": 1 for number in range(50_000)})
        case "read":
            Path(arguments[0]).read_bytes()
        case "wait":
            _wait_for_file(Path(arguments[0]))
    return _success(task, limits, counts={"00": task.request.shots})


def _wait_for_file(path: Path) -> None:
    pause = threading.Event()
    while not path.exists():
        pause.wait(0.01)


def _success(task: Task, limits: RunLimits, *, counts: dict[str, int]) -> Success:
    run = RunRecord(
        backend="fake",
        method="fake",
        device=task.plan.device,
        float_precision="double",
        shots=task.request.shots,
        seed=None,
        threads=limits.threads,
        reason="test",
        plugin="fake",
        plugin_version="1",
        engine="fake",
        engine_version="1",
    )
    return Success(task.key, PubResult(run=run, counts=counts))
