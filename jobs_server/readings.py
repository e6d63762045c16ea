"""Reading circuits: small ones that wait at the same moment share a call of an inspector."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from jobs_server.company import Company
from jobs_server.inspectors import Inspector, InspectorPool, ProcessLost, held_up, sentence
from jobs_server.metrics import Metrics
from jobs_server.refusals import CostlyCircuit
from qserver.circuits import CircuitSource, Inspection
from qserver.errors import ExecutionError, InvalidCircuit, Reason
from qserver.sandbox.errors import ChildDied, ChildTimedOut
from qserver.settings import InspectorSettings

Reading: TypeAlias = Inspection | Exception
"""What a circuit is, or why it can't be read."""

MAX_SHARED = 32
"""Circuits of one call, at most: some 10 ms, in which others wait for their turn."""
MAX_SHARED_BYTES = 32 * 1024
"""Text of one call, beyond which a circuit is read alone."""

ENOUGH = 8
_COMPANY_SECONDS = 0.005
"""While an inspector reads for a user, so many more of their circuits begin another call, or one that waited so long.

A call of a process costs 0.6 ms besides its circuits. With 16 clients that send one job each, a third fewer are made.
"""

_DOING = "reading the circuit"


class _Call:
    """What one caller waits for."""

    def __init__(self, circuits: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.readings: dict[int, Reading] = {}
        self._circuits = circuits

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.done.done()

    def answer(self, place: int, reading: Reading) -> None:
        self.readings[place] = reading
        if len(self.readings) == self._circuits and not self.is_over:
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class _Wanted:
    """A circuit that waits.

    `is_suspect`: a call that it was part of killed its process. `is_pardoned`: so did one of its own, from outside.
    """

    call: _Call
    place: int
    circuit: CircuitSource
    is_suspect: bool = False
    is_pardoned: bool = False

    def may_go_again(self, reading: Reading, *, was_alone: bool) -> bool:
        """Tell whether it is to be read once more: others may be to blame for what it died of."""
        if not was_alone:
            return isinstance(reading, ProcessLost | ExecutionError)
        return not self.is_pardoned and isinstance(reading, ChildDied) and reading.came_from_outside

    def answer(self, reading: Reading) -> None:
        self.call.answer(self.place, reading)


_Key: TypeAlias = tuple[UUID, str]


class CircuitReader:
    """Has circuits read by inspectors, a few of a user's a call.

    When a process dies under several, nobody is blamed: each is read again alone, and only what happens to a circuit on
    its own is held against it. A kill from outside, by the kernel for others' memory say, only if it comes twice.
    """

    def __init__(
        self,
        inspectors: InspectorPool,
        settings: InspectorSettings,
        metrics: Metrics,
        *,
        company_seconds: float = _COMPANY_SECONDS,
    ) -> None:
        """Read by `inspectors`. While one reads for a user, their next circuits wait `company_seconds` for others."""
        self._inspectors = inspectors
        self._settings = settings
        self._metrics = metrics
        self._waiting: defaultdict[_Key, deque[_Wanted]] = defaultdict(deque)
        self._in_line: set[_Key] = set()
        self._company: Company[_Key] = Company(enough=ENOUGH, longest_seconds=company_seconds)
        self._servers: set[asyncio.Task[None]] = set()

    async def read(self, user_id: UUID, plugin: str, circuits: Sequence[CircuitSource]) -> Sequence[Reading]:
        """Give for each circuit, in order, what `plugin` finds; InvalidCircuit where it can't be read within limits.

        A caller that is cancelled takes with it what no process has begun to read.
        """
        if not circuits:
            return ()
        call = _Call(len(circuits))
        waiting = self._waiting[user_id, plugin]
        waiting.extend(_Wanted(call, place, circuit) for place, circuit in enumerate(circuits))
        self._serve((user_id, plugin))
        await call.done
        return [call.readings[place] for place in range(len(circuits))]

    def waiting_circuits(self) -> int:
        """Count the circuits that no process reads yet, and somebody still waits for."""
        return sum(not wanted.call.is_over for waiting in self._waiting.values() for wanted in waiting)

    def _serve(self, key: _Key) -> None:
        """Wait for a turn. One task a key is in line at any time: whoever gets a turn lets another ask for the next."""
        if key in self._in_line:
            self._company.tell(key, len(self._waiting[key]))
            return
        self._in_line.add(key)
        server = asyncio.create_task(self._serve_once(key))
        self._servers.add(server)
        server.add_done_callback(self._servers.discard)

    async def _serve_once(self, key: _Key) -> None:
        user_id, plugin = key
        await self._company.wait(key, len(self._waiting[key]))
        async with self._inspectors.turn(user_id):
            self._in_line.discard(key)
            group = self._take(key)
            if self._waiting[key]:
                self._serve(key)
            else:
                del self._waiting[key]
            if group:
                with self._company.call(key):
                    await self._read(key, plugin, group)

    def _take(self, key: _Key) -> Sequence[_Wanted]:
        """Take the next circuit, and those behind it that may share its call."""
        waiting = self._waiting[key]
        group: list[_Wanted] = []
        filled_bytes = 0
        while waiting:
            wanted = waiting[0]
            filled_bytes += len(wanted.circuit.source)
            if group and (wanted.is_suspect or group[0].is_suspect or filled_bytes > MAX_SHARED_BYTES):
                break
            waiting.popleft()
            if not wanted.call.is_over:
                group.append(wanted)
            if len(group) == MAX_SHARED:
                break
        return group

    async def _read(self, key: _Key, plugin: str, group: Sequence[_Wanted]) -> None:
        circuits = [wanted.circuit for wanted in group]

        def read(inspector: Inspector) -> Sequence[Inspection | Exception]:
            return inspector.inspect_all(plugin, circuits, timeout_seconds=self._settings.inspector_seconds)

        user_id, _ = key
        try:
            with self._inspectors.reading_time.reading(user_id) as reading_time:
                readings = await self._inspectors.run(read)
                reading_time.came_to_nothing = not all(isinstance(reading, Inspection) for reading in readings)
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, who raise it
            readings = [error] * len(group)
        again = []
        for wanted, reading in zip(group, readings, strict=True):
            if wanted.may_go_again(reading, was_alone=len(group) == 1):
                again.append(wanted)
            else:
                self._answer(wanted, reading)
        self._read_again(key, again, were_alone=len(group) == 1)

    def _read_again(self, key: _Key, group: Sequence[_Wanted], *, were_alone: bool) -> None:
        for wanted in reversed(group):
            wanted.is_suspect = True
            wanted.is_pardoned = were_alone
            self._waiting[key].appendleft(wanted)
        if group:
            self._serve(key)

    def _answer(self, wanted: _Wanted, reading: Reading) -> None:
        self._metrics.inspections.labels(outcome="ok" if isinstance(reading, Inspection) else "failed").inc()
        if isinstance(reading, ProcessLost | ExecutionError):
            reading = self._refusal(reading)
        wanted.answer(reading)

    def _refusal(self, error: ProcessLost | ExecutionError) -> Exception:
        if isinstance(error, ChildTimedOut) and error.was_held_up:
            return held_up(_DOING)
        words = sentence(error, _DOING, self._settings)
        if words is None:
            return error  # our fault, not the circuit's
        refusal = (CostlyCircuit if _would_happen_again(error) else InvalidCircuit)(words)
        refusal.__cause__ = error
        return refusal


def _would_happen_again(error: ProcessLost | ExecutionError) -> bool:
    match error:
        case ChildTimedOut() | ExecutionError(reason=Reason.OUT_OF_MEMORY):
            return True
        case ChildDied():
            return not error.came_from_outside
        case _:
            return False  # a fault of the parser's that was caught has cost nothing
