"""The twin of an inspector process: answers by a word in the circuit, and dies of another."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from qserver.circuits import CircuitSource, Inspection
from qserver.clock import FakeClock
from qserver.errors import ExecutionError, InvalidCircuit, InvalidRequest, Reason
from qserver.json_types import JsonObject
from qserver.sandbox.ending import Ending
from qserver.sandbox.errors import ChildDied, ChildTimedOut
from tests.bell import BELL_PROFILE

DOING = "inspect"
SLOW_SECONDS = 10.0


class FakeInspector:
    """Reads every circuit as a Bell pair, unless a word in it says otherwise."""

    def __init__(self, house: "FakeInspectors") -> None:
        self._house = house
        self.is_alive = True
        self.memory = 100 * 1024**2

    def memory_bytes(self) -> int:
        return self.memory

    def inspect_all(
        self, plugin: str, circuits: Sequence[CircuitSource], *, timeout_seconds: float
    ) -> Sequence[Inspection | Exception]:
        assert timeout_seconds > 0
        self._house.readers.append(plugin)
        self._house.calls.append(len(circuits))
        if not self.is_alive:
            raise ChildDied(Ending(signal=9), doing=DOING)
        return [self._inspect(circuit) for circuit in circuits]

    def _inspect(self, circuit: CircuitSource) -> Inspection | Exception:
        self._house.enter(circuit.source)
        try:
            self._fall(circuit.source)
        except (InvalidCircuit, ExecutionError) as error:
            return error
        profile = replace(BELL_PROFILE, num_qubits=20_000) if b"wide" in circuit.source else BELL_PROFILE
        return Inspection(circuit.circuit_format, profile, qpy=b"QISKIT")

    def check_options(self, plugin: str, options: JsonObject, *, timeout_seconds: float) -> None:
        del plugin
        assert timeout_seconds > 0
        self._house.checked.append(options)
        if "killed once" in str(options) and len(self._house.checked) == 1:
            raise ChildDied(self._house.killed_once, doing=DOING)
        if "frozen" in str(options):
            raise ChildTimedOut("too slow", was_held_up=True)
        if "crash" in str(options):
            raise ChildDied(Ending(signal=11), doing=DOING)
        if "refused" in str(options):
            raise InvalidRequest("the engine refuses the noise model", reason=Reason.INVALID_OPTION)

    def describe_noise_model(self, plugin: str, text: bytes, *, timeout_seconds: float) -> JsonObject:
        self.check_options(plugin, {"noise_model": text.decode()}, timeout_seconds=timeout_seconds)
        return {"description": "noise", "names_qubits": False}

    def close(self) -> None:
        self.is_alive = False
        self._house.closed += 1

    def _fall(self, source: bytes) -> None:
        if b"killed once" in source and self._house.inspected.count(source) == 1:
            self.is_alive = False
            raise ChildDied(self._house.killed_once, doing=DOING)
        if b"syntax error" in source:
            raise InvalidCircuit("unexpected token", line=3, column=7)
        if b"panic" in source:
            raise ExecutionError("PanicException: out of range")
        if b"grow" in source:
            self.memory = 600 * 1024**2
            self._house.clock.advance(1.0)
        if b"hang" in source or b"frozen" in source:
            self._house.clock.advance(SLOW_SECONDS)
        deaths = {
            b"hang": ChildTimedOut("too slow"),
            b"frozen": ChildTimedOut("too slow", was_held_up=True),
            b"eat memory": ChildDied(Ending(signal=9, out_of_memory=True), doing=DOING),
            b"killed every time": ChildDied(Ending(signal=9), doing=DOING),
            b"crash": ChildDied(Ending(signal=11), doing=DOING),
            b"unable to start": ChildDied(Ending(exit_code=70, last_words="no module"), doing=DOING),
        }
        for word, death in deaths.items():
            if word in source:
                self.is_alive = False
                raise death


class FakeInspectors:
    """Where fake inspectors come from; counts them, and can make them wait."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.spawned = 0
        self.closed = 0
        self.inspected: list[bytes] = []
        self.readers: list[str] = []
        self.calls: list[int] = []
        self.checked: list[JsonObject] = []
        self.killed_once = Ending(signal=9)
        self.latest: FakeInspector | None = None
        self.gate = threading.Event()
        self.gate.set()

    def spawn(self) -> FakeInspector:
        self.spawned += 1
        self.latest = FakeInspector(self)
        return self.latest

    def enter(self, source: bytes) -> None:
        self.inspected.append(source)
        assert self.gate.wait(timeout=30)
