"""Circuits read by inspector processes."""

import asyncio
import gc
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from jobs_server.inspectors import InspectorPool
from jobs_server.metrics import Metrics
from jobs_server.reading_time import ReadingTime
from jobs_server.readings import ENOUGH, MAX_SHARED, MAX_SHARED_BYTES, CircuitReader
from jobs_server.refusals import CostlyCircuit
from qserver.circuits import CircuitFormat, CircuitSource, Inspection
from qserver.errors import InvalidCircuit, QuotaExceeded, Unavailable
from qserver.sandbox.ending import Ending
from qserver.sandbox.errors import ChildDied
from qserver.settings import InspectorSettings
from tests.bell import BELL_PROFILE
from tests.unit.jobs_server.fake_inspector import FakeInspectors
from tests.waiting import until

USER, OTHER = uuid4(), uuid4()


class Scene:
    """A reader with two fake processes."""

    def __init__(self) -> None:
        settings = InspectorSettings()
        self.inspectors = FakeInspectors()
        clock = self.inspectors.clock
        reading_time = ReadingTime(allowance_seconds=30.0, clock=clock)
        self.pool = InspectorPool(self.inspectors.spawn, settings, processes=2, reading_time=reading_time, clock=clock)
        self.reader = CircuitReader(self.pool, settings, Metrics())

    async def read(self, *sources: bytes, user_id: UUID = USER) -> list[Inspection | Exception]:
        circuits = [CircuitSource(CircuitFormat.OPENQASM2, source) for source in sources]
        return list(await self.reader.read(user_id, "aer", circuits))

    async def keep_busy(self) -> list[asyncio.Task[list[Inspection | Exception]]]:
        """Have both processes at work on a circuit each, until the gate opens."""
        self.inspectors.gate.clear()
        calls = []
        for number in range(2):
            calls.append(asyncio.create_task(self.read(b"busy %d" % number)))
            await until(lambda: len(self.inspectors.inspected) == len(calls))
        return calls

    def close(self) -> None:
        self.inspectors.gate.set()
        self.pool.close()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    yield made
    made.close()


def profiles(readings: list[Inspection | Exception]) -> list[object]:
    return [reading.profile if isinstance(reading, Inspection) else type(reading) for reading in readings]


def many(number: int, name: str = "many") -> list[bytes]:
    return [f"{name} {place}".encode() for place in range(number)]


async def test_a_process_is_started_when_it_is_needed_and_kept_for_the_next_circuit(scene: Scene) -> None:
    before = scene.inspectors.spawned

    found = [reading for _ in range(3) for reading in await scene.read(b"bell")]

    assert (before, scene.inspectors.spawned) == (0, 1)
    assert profiles(found) == [BELL_PROFILE] * 3


async def test_small_circuits_share_calls_and_are_answered_in_order(scene: Scene) -> None:
    found = await scene.read(*many(100), b"syntax error", b"last")

    assert profiles(found) == [BELL_PROFILE] * 100 + [InvalidCircuit, BELL_PROFILE]
    assert sorted(scene.inspectors.calls) == [102 - 3 * MAX_SHARED, *[MAX_SHARED] * 3]


async def test_circuits_of_several_callers_share_calls(scene: Scene) -> None:
    busy = await scene.keep_busy()
    callers = [asyncio.create_task(scene.read(b"one %d" % number)) for number in range(8)]
    await asyncio.sleep(0)
    scene.inspectors.gate.set()

    for caller in (*busy, *callers):
        assert profiles(await caller) == [BELL_PROFILE]
    assert scene.inspectors.calls == [1, 1, 8]


async def test_a_large_circuit_is_read_alone(scene: Scene) -> None:
    await scene.read(b"a", b"large".ljust(MAX_SHARED_BYTES + 1), b"b", b"c")

    assert scene.inspectors.calls == [1, 1, 2]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"hang", "reading the circuit took longer than 10 s (QSERVER_INSPECTOR_SECONDS)"),
        (b"eat memory", "reading the circuit took more than 1,024 MiB (QSERVER_INSPECTOR_MEMORY_MIB)"),
        (b"crash", "reading the circuit crashed the parser: it died of signal 11 (SIGSEGV)"),
        (b"panic", "reading the circuit failed: PanicException: out of range"),
    ],
)
async def test_a_circuit_that_kills_its_process_is_refused_and_takes_no_other_with_it(
    scene: Scene, source: bytes, sentence: str
) -> None:
    first, killer, last = await scene.read(b"bell", source, b"another")

    assert isinstance(killer, InvalidCircuit)
    assert killer.message == sentence
    assert profiles([first, last]) == [BELL_PROFILE, BELL_PROFILE]
    assert profiles(await scene.read(b"bell")) == [BELL_PROFILE]


async def test_who_sends_nothing_but_circuits_that_take_all_their_time_is_refused(scene: Scene) -> None:
    found = await scene.read(*(b"hang %d" % number for number in range(100)))
    another = await scene.read(b"bell")
    of_another = await scene.read(b"bell", user_id=OTHER)

    kinds = profiles(found)
    refused = kinds.count(QuotaExceeded)
    assert kinds.count(CostlyCircuit) + refused == 100
    assert len(scene.inspectors.calls) <= 5  # 30 s, 10 s each, by two at once
    assert profiles(another) == [QuotaExceeded]
    assert profiles(of_another) == [BELL_PROFILE]


async def test_a_user_whose_circuits_take_long_leaves_a_process_to_others(scene: Scene) -> None:
    await scene.read(b"hang")
    scene.inspectors.gate.clear()
    slow = [asyncio.create_task(scene.read(b"slow %d" % number)) for number in range(3)]
    await until(lambda: b"slow 0" in scene.inspectors.inspected)

    other = asyncio.create_task(scene.read(b"one", user_id=OTHER))
    await until(lambda: b"one" in scene.inspectors.inspected)

    assert len(scene.inspectors.calls) == 3
    scene.inspectors.gate.set()
    await asyncio.gather(other, *slow)


async def test_a_process_that_was_killed_while_it_lay_idle_is_not_the_next_circuits_fault(scene: Scene) -> None:
    await scene.read(b"bell")
    assert scene.inspectors.latest is not None
    scene.inspectors.latest.is_alive = False

    found = await scene.read(b"bell")

    assert profiles(found) == [BELL_PROFILE]
    assert (scene.inspectors.spawned, scene.inspectors.closed) == (2, 1)


@pytest.mark.parametrize("ending", [Ending(signal=9), Ending()], ids=["it was killed", "its forkserver was"])
async def test_a_circuit_whose_process_was_killed_from_outside_is_read_again(scene: Scene, ending: Ending) -> None:
    scene.inspectors.killed_once = ending

    found = await scene.read(b"killed once")

    assert profiles(found) == [BELL_PROFILE]


async def test_a_circuit_whose_process_is_killed_every_time_is_refused(scene: Scene) -> None:
    (found,) = await scene.read(b"killed every time")

    assert isinstance(found, InvalidCircuit)
    assert found.message == "reading the circuit crashed the parser: it died of signal 9 (SIGKILL)"
    assert len(scene.inspectors.inspected) == 2


async def test_what_the_process_found_wrong_keeps_its_place(scene: Scene) -> None:
    (found,) = await scene.read(b"syntax error")

    assert isinstance(found, InvalidCircuit)
    assert (found.line, found.column) == (3, 7)


async def test_a_process_that_could_not_start_is_our_fault_and_not_the_circuits(scene: Scene) -> None:
    (found,) = await scene.read(b"unable to start")

    assert isinstance(found, ChildDied)


async def test_a_process_that_got_no_time_to_work_is_our_fault_and_costs_nobody(scene: Scene) -> None:
    found = await scene.read(*(b"frozen %d" % number for number in range(5)))
    another = await scene.read(b"bell")

    assert profiles(found) == [Unavailable] * 5
    assert "reading the circuit was not possible" in str(found[0])
    assert profiles(another) == [BELL_PROFILE]
    assert not scene.pool.reading_time.is_slow(USER)


async def test_a_process_that_has_grown_is_replaced(scene: Scene) -> None:
    await scene.read(b"grow")
    await scene.read(b"bell")

    assert (scene.inspectors.spawned, scene.inspectors.closed) == (2, 1)


async def test_another_users_circuit_is_next_whoever_sent_how_many(scene: Scene) -> None:
    scene.inspectors.gate.clear()
    first = asyncio.create_task(scene.read(*many(20 * MAX_SHARED)))
    await until(lambda: len(scene.inspectors.calls) == 2)
    one = asyncio.create_task(scene.read(b"one", user_id=OTHER))
    await asyncio.sleep(0)

    scene.inspectors.gate.set()
    await asyncio.gather(first, one)

    assert b"one" in scene.inspectors.inspected[: 4 * MAX_SHARED]


async def test_a_turn_stays_taken_until_its_process_is_done_though_the_caller_went_away(scene: Scene) -> None:
    busy = await scene.keep_busy()
    later = asyncio.create_task(scene.read(b"later"))

    for call in busy:
        call.cancel()
    await asyncio.sleep(0)
    while_busy = len(scene.inspectors.inspected)
    scene.inspectors.gate.set()
    await later

    assert while_busy == 2
    assert scene.inspectors.spawned == 2


async def test_what_nobody_waits_for_any_more_is_not_read(scene: Scene) -> None:
    busy = await scene.keep_busy()
    left = asyncio.create_task(scene.read(*many(5, "left")))
    stays = asyncio.create_task(scene.read(b"stays"))
    await asyncio.sleep(0)

    left.cancel()
    await asyncio.sleep(0)
    scene.inspectors.gate.set()
    await asyncio.gather(stays, *busy)

    assert scene.inspectors.inspected[2:] == [b"stays"]


async def test_how_a_circuit_fares_after_its_caller_went_away_is_no_news(scene: Scene) -> None:
    news: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: news.append(context))
    scene.inspectors.gate.clear()
    call = asyncio.create_task(scene.read(b"hang"))
    await until(lambda: len(scene.inspectors.inspected) == 1)

    call.cancel()
    await asyncio.sleep(0)
    scene.inspectors.gate.set()
    await asyncio.wait({call})
    await scene.read(b"bell")
    del call  # it holds what would complain once it is gone
    gc.collect()

    assert news == []


async def test_circuits_that_come_one_by_one_while_others_are_read_share_a_call(scene: Scene) -> None:
    reader = CircuitReader(scene.pool, InspectorSettings(), Metrics(), company_seconds=3600.0)
    sources = [CircuitSource(CircuitFormat.OPENQASM2, source) for source in many(ENOUGH)]
    scene.inspectors.gate.clear()
    calls = [asyncio.create_task(reader.read(USER, "aer", [CircuitSource(CircuitFormat.OPENQASM2, b"first")]))]
    await until(lambda: scene.inspectors.calls == [1])

    for source in sources:
        calls.append(asyncio.create_task(reader.read(USER, "aer", [source])))
        await until(lambda: reader.waiting_circuits() in {len(calls) - 1, 0})
    await until(lambda: len(scene.inspectors.calls) == 2)
    scene.inspectors.gate.set()
    await asyncio.gather(*calls)

    assert scene.inspectors.calls == [1, ENOUGH]


async def test_a_circuit_does_not_wait_for_one_that_takes_long(scene: Scene) -> None:
    scene.inspectors.gate.clear()
    slow = asyncio.create_task(scene.read(b"slow"))
    await until(lambda: scene.inspectors.inspected == [b"slow"])

    other = asyncio.create_task(scene.read(b"other"))
    await until(lambda: scene.inspectors.inspected == [b"slow", b"other"])

    assert not slow.done()
    scene.inspectors.gate.set()
    await asyncio.gather(slow, other)
