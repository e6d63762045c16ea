"""A simulator process that does what the test says, without a process."""

from collections.abc import Sequence

from qserver.circuits import CircuitFormat, Inspection
from qserver.errors import QServerError
from qserver.plugins import Outcome, RunLimits, Success, Task
from tests.unit.worker.claims import a_result


class FakeProcess:
    """Succeeds with every task, or raises `error`."""

    def __init__(self, error: QServerError | None = None) -> None:
        self.error = error
        self.is_alive = True
        self.is_closed = False
        self.kills = 0
        self.resident_bytes = 0
        self.used_seconds = 0.0
        self.limits: RunLimits | None = None
        self.timeout_seconds: float | None = None

    def inspect(
        self, plugin: str, source: bytes, circuit_format: CircuitFormat, *, timeout_seconds: float | None
    ) -> Inspection:
        del plugin, source, timeout_seconds
        return Inspection(circuit_format, None, None)

    def run(
        self, plugin: str, tasks: Sequence[Task], limits: RunLimits, *, timeout_seconds: float | None
    ) -> Sequence[Outcome]:
        del plugin
        self.limits, self.timeout_seconds = limits, timeout_seconds
        if self.error is not None:
            raise self.error
        return [Success(task.key, a_result()) for task in tasks]

    def memory_bytes(self) -> int:
        return self.resident_bytes

    def cpu_seconds(self) -> float | None:
        return self.used_seconds if self.is_alive else None

    def kill(self) -> None:
        self.kills += 1
        self.is_alive = False

    def close(self) -> None:
        self.is_alive = False
        self.is_closed = True


class FakeSource:
    """Gives processes in order, and remembers what for."""

    def __init__(self, *processes: FakeProcess) -> None:
        self.processes = list(processes)
        self.asked: list[str | None] = []

    def built_in(self) -> FakeProcess:
        return self._next(None)

    def file_plugin(self, plugin: str) -> FakeProcess:
        return self._next(plugin)

    def _next(self, plugin: str | None) -> FakeProcess:
        self.asked.append(plugin)
        if not self.processes:
            raise QServerError("no process can be had")
        return self.processes.pop(0)
