"""Each circuit is parsed once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jobs_server.circuits import CircuitLibrary
from jobs_server.inspectors import InspectorPool
from jobs_server.metrics import Metrics
from jobs_server.transactions import Transactions
from qserver.circuits import CircuitFormat, Inspection
from qserver.errors import InvalidCircuit
from qserver.identity import ANONYMOUS
from qserver.settings import InspectorSettings
from tests.bell import BELL_PROFILE
from tests.unit.jobs_server.builders import CountingDatabase, new_job
from tests.unit.jobs_server.fake_inspector import FakeInspectors


class Scene:
    """A library over a real database and fake inspectors."""

    def __init__(self, database: CountingDatabase) -> None:
        self.inspectors = FakeInspectors()
        self.pool = InspectorPool(
            self.inspectors.spawn, InspectorSettings(), processes=2, metrics=Metrics(), clock=self.inspectors.clock
        )
        self.transactions = Transactions(database, threads=2)
        self.library = CircuitLibrary(self.transactions, self.pool)

    async def look_up(self, source: bytes, sha256: bytes) -> Inspection:
        return await self.library.inspection(ANONYMOUS.user_id, "aer", source, CircuitFormat.OPENQASM2, sha256=sha256)

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


async def test_a_stored_circuit_is_not_parsed(scene: Scene, database: CountingDatabase) -> None:
    job = new_job()
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


async def test_what_is_kept_in_memory_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs_server.circuits._KEPT_BYTES", 10_000)  # two circuits

    for name in (b"a", b"b", b"c", b"c", b"a"):
        await scene.look_up(name, name * 32)

    assert scene.inspectors.inspected == [b"a", b"b", b"c", b"a"]
