"""Each circuit is parsed once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from database.records import NewJob
from jobs_server.circuits import CircuitLibrary, SentCircuit
from jobs_server.inspectors import InspectorPool
from jobs_server.metrics import Metrics
from jobs_server.reading_time import ReadingTime
from jobs_server.readings import CircuitReader
from jobs_server.refusals import Refusals
from jobs_server.transactions import Transactions
from qserver.circuits import CircuitFormat, CircuitSource, Inspection
from qserver.errors import InvalidCircuit
from qserver.identity import ANONYMOUS
from qserver.settings import InspectorSettings
from tests.bell import BELL_PROFILE
from tests.unit.jobs_server.builders import CountingDatabase, new_job
from tests.unit.jobs_server.fake_inspector import FakeInspectors


def sent(source: bytes, sha256: bytes, *, plugin: str = "aer", owner_id: UUID = ANONYMOUS.user_id) -> SentCircuit:
    circuit = CircuitSource(CircuitFormat.OPENQASM2, source)
    return SentCircuit((owner_id, sha256), plugin, circuit)


class Scene:
    """A library over a real database and fake inspectors."""

    def __init__(self, database: CountingDatabase) -> None:
        self.inspectors = FakeInspectors()
        settings = InspectorSettings()
        self.clock = self.inspectors.clock
        reading_time = ReadingTime(allowance_seconds=30.0, clock=self.clock)
        self.pool = InspectorPool(
            self.inspectors.spawn, settings, processes=2, reading_time=reading_time, clock=self.clock
        )
        self.transactions = Transactions(database, threads=2)
        refusals = Refusals(keep_seconds=600.0, clock=self.clock)
        self.library = CircuitLibrary(self.transactions, CircuitReader(self.pool, settings, Metrics()), refusals)

    async def look_up(self, source: bytes, sha256: bytes, owner_id: UUID = ANONYMOUS.user_id) -> Inspection:
        (found,) = await self.library.inspections([sent(source, sha256, owner_id=owner_id)])
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self.pool.close()
        self.transactions.close()


@pytest.fixture
async def scene(database: CountingDatabase) -> AsyncIterator[Scene]:
    made = Scene(database)
    yield made
    made.close()


async def test_the_same_circuit_sent_at_once_and_again_is_parsed_once(scene: Scene) -> None:
    together = await asyncio.gather(*(scene.look_up(b"bell", b"1" * 32) for _ in range(50)))
    again = await scene.look_up(b"bell", b"1" * 32)

    assert scene.inspectors.inspected == [b"bell"]
    assert {inspection.qpy for inspection in (*together, again)} == {b"QISKIT"}


def long_job() -> NewJob:
    """A job whose circuit takes longer to read than to be looked up."""
    job = new_job()
    source = job.circuit.source + b"//".ljust(1000)
    return replace(job, circuit=replace(job.circuit, source=source))


async def test_a_short_circuit_is_read_sooner_than_looked_up(scene: Scene, database: CountingDatabase) -> None:
    job = new_job()
    with database.transaction() as transaction:
        transaction.jobs.submit([job])

    await scene.look_up(job.circuit.source, job.circuit_sha256)

    assert scene.inspectors.inspected == [job.circuit.source]


async def test_a_stored_circuit_is_not_parsed(scene: Scene, database: CountingDatabase) -> None:
    job = long_job()
    with database.transaction() as transaction:
        transaction.jobs.submit([job])

    inspection = await scene.look_up(job.circuit.source, job.circuit_sha256)

    assert inspection == Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, qpy=None)
    assert scene.inspectors.inspected == []


async def test_a_bad_circuit_is_judged_anew_each_time(scene: Scene) -> None:
    for _ in range(2):
        with pytest.raises(InvalidCircuit, match="unexpected token"):
            await scene.look_up(b"syntax error", b"2" * 32)

    assert len(scene.inspectors.inspected) == 2


@pytest.mark.parametrize("source", [b"hang", b"eat memory", b"crash"])
async def test_a_circuit_that_cost_a_process_is_refused_unread_for_a_while(scene: Scene, source: bytes) -> None:
    with pytest.raises(InvalidCircuit) as first:
        await scene.look_up(source, b"3" * 32)
    scene.clock.advance(100.0)

    with pytest.raises(InvalidCircuit) as second:
        await scene.look_up(source, b"3" * 32)

    rest = "; the same circuit is not read again for another 500 s (QSERVER_INSPECTOR_REFUSAL_SECONDS)"
    assert second.value.message == first.value.message + rest
    assert scene.inspectors.inspected == [source]
    scene.clock.advance(500.0)
    with pytest.raises(InvalidCircuit):
        await scene.look_up(source, b"3" * 32)
    assert scene.inspectors.inspected == [source, source]


async def test_who_comes_again_when_told_is_not_refused_unread(scene: Scene) -> None:
    with pytest.raises(InvalidCircuit):
        await scene.look_up(b"hang", b"3" * 32)
    scene.clock.advance(599.7)

    with pytest.raises(InvalidCircuit, match="not read again for another 1 s"):
        await scene.look_up(b"hang", b"3" * 32)

    scene.clock.advance(1.0)
    with pytest.raises(InvalidCircuit):
        await scene.look_up(b"hang", b"3" * 32)
    assert scene.inspectors.inspected == [b"hang", b"hang"]


async def test_a_circuit_whose_process_others_may_have_killed_is_read_again(scene: Scene) -> None:
    for _ in range(2):
        with pytest.raises(InvalidCircuit, match="crashed the parser"):
            await scene.look_up(b"killed every time", b"4" * 32)

    assert len(scene.inspectors.inspected) == 4


async def test_another_owner_s_circuit_is_read_though_it_is_the_same(scene: Scene) -> None:
    for owner_id in (uuid4(), uuid4()):
        with pytest.raises(InvalidCircuit, match="took longer than 10 s"):
            await scene.look_up(b"hang", b"5" * 32, owner_id)

    assert len(scene.inspectors.inspected) == 2


async def test_refusals_that_are_kept_are_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs_server.refusals._KEPT", 2)

    for name in (b"crash 1", b"crash 2", b"crash 3", b"crash 3", b"crash 1"):
        with pytest.raises(InvalidCircuit):
            await scene.look_up(name, name.ljust(32))

    assert scene.inspectors.inspected == [b"crash 1", b"crash 2", b"crash 3", b"crash 1"]


async def test_what_is_kept_in_memory_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs_server.circuits._KEPT_BYTES", 10_000)  # two circuits

    for name in (b"a", b"b", b"c", b"c", b"a"):
        await scene.look_up(name, name * 32)

    assert scene.inspectors.inspected == [b"a", b"b", b"c", b"a"]


async def test_a_calls_circuits_are_each_found_where_they_are(scene: Scene, database: CountingDatabase) -> None:
    job = long_job()
    with database.transaction() as transaction:
        transaction.jobs.submit([job])
    await scene.look_up(b"known", b"k" * 32)
    calls_before = len(scene.inspectors.calls)

    known, stored, new, twin, bad, other = await scene.library.inspections(
        [
            sent(b"known", b"k" * 32),
            sent(job.circuit.source, job.circuit_sha256),
            sent(b"new", b"n" * 32),
            sent(b"new", b"n" * 32),
            sent(b"syntax error", b"e" * 32),
            sent(b"other", b"o" * 32, plugin="coin"),
        ]
    )

    assert stored == Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, qpy=None)
    assert {reading.qpy for reading in (known, new, twin, other) if isinstance(reading, Inspection)} == {b"QISKIT"}
    assert new is twin
    assert isinstance(bad, InvalidCircuit)
    assert sorted(scene.inspectors.calls[calls_before:]) == [1, 2]
    assert scene.inspectors.inspected.count(b"new") == 1
