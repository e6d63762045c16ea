"""Plugins that stand in for real ones in tests of what carries them."""

import os
from collections.abc import Sequence

from qserver.circuits import CircuitFormat, CircuitProfile, Inspection
from qserver.errors import InvalidCircuit, InvalidRequest, Reason
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Failure, Outcome, Plan, Resources, RunLimits, Success, Task
from qserver.results import PubResult, ResultType, RunRecord
from tests.bell import BELL_PROFILE


class CoinPlugin:
    """Tosses coins instead of simulating: all heads."""

    version = "1.0"
    engine_modules: tuple[str, ...] = ()

    def __init__(self, name: str = "coin", backends: Sequence[str] = ("coin",)) -> None:
        self.name = name
        self._backends = tuple(backends)

    def backends(self) -> Sequence[BackendSpec]:
        return [
            BackendSpec(
                name=name,
                description="tosses coins",
                result_types=frozenset({ResultType.COUNTS}),
                formats=frozenset({CircuitFormat.OPENQASM2}),
                options_schema={"type": "object"},
            )
            for name in self._backends
        ]

    def plan(self, _profile: CircuitProfile | None, _request: RunRequest, _resources: Resources) -> Plan:
        return Plan("toss", "CPU", "double", threads=1, memory_bytes=1, seconds=0.001, reason="always")

    def batch_key(self, _task: Task) -> str | None:
        return "coins"

    def check_options(self, options: JsonObject) -> None:
        if "bias" in options:
            raise InvalidRequest("coins have no bias", reason=Reason.INVALID_OPTION)

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        if b"oops" in source:
            raise InvalidCircuit("there is an oops", line=2, column=5)
        return Inspection(circuit_format, BELL_PROFILE, source[::-1])

    def run(self, tasks: Sequence[Task], _limits: RunLimits) -> Sequence[Outcome]:
        outcomes = [_toss(task) for task in tasks]
        match tasks[0].request.metadata.get("behaviour"):
            case "forget":
                return outcomes[1:]
            case "repeat":
                return [*outcomes, outcomes[0]]
            case "leave":
                os._exit(9)
            case _:
                return outcomes[::-1]  # any order is allowed


def _toss(task: Task) -> Outcome:
    if task.request.shots == 0:
        return Failure(task.key, Reason.INVALID_REQUEST, "no toss, no result")
    record = RunRecord(
        backend=task.request.backend,
        method="toss",
        device="CPU",
        float_precision="double",
        shots=task.request.shots,
        seed=None,
        threads=1,
        reason="always",
        plugin="coin",
        plugin_version="1.0",
        engine=os.environ.get("COIN_ENGINE", "hand"),
        engine_version="1",
    )
    return Success(task.key, PubResult(record, counts={"00": task.request.shots}))


class SecondCoinPlugin(CoinPlugin):
    """Found by entry point in tests."""

    def __init__(self) -> None:
        super().__init__("second", ("second_coin",))


class BrokenPlugin:
    """Can't even be made."""

    def __init__(self) -> None:
        raise OSError("its library is missing")
