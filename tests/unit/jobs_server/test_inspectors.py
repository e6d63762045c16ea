"""The pool of inspector processes."""

import asyncio
import gc
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from jobs_server.inspectors import InspectorPool
from jobs_server.metrics import Metrics
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit, InvalidRequest, Reason
from qserver.sandbox.errors import ChildDied
from qserver.settings import InspectorSettings
from tests.bell import BELL_PROFILE
from tests.unit.jobs_server.fake_inspector import FakeInspectors
from tests.waiting import until

USER, OTHER = uuid4(), uuid4()


@pytest.fixture
def inspectors() -> FakeInspectors:
    return FakeInspectors()


@pytest.fixture
async def pool(inspectors: FakeInspectors) -> AsyncIterator[InspectorPool]:
    made = InspectorPool(inspectors.spawn, InspectorSettings(), processes=2, metrics=Metrics(), clock=inspectors.clock)
    yield made
    inspectors.gate.set()
    made.close()


async def test_a_process_is_started_when_it_is_needed_and_kept_for_the_next_circuit(
    pool: InspectorPool, inspectors: FakeInspectors
) -> None:
    before = inspectors.spawned

    found = [await pool.inspect(USER, "aer", b"bell", CircuitFormat.OPENQASM2) for _ in range(3)]

    assert (before, inspectors.spawned) == (0, 1)
    assert [inspection.profile for inspection in found] == [BELL_PROFILE] * 3


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"hang", "reading the circuit took longer than 10 s (QSERVER_INSPECTOR_SECONDS)"),
        (b"eat memory", "reading the circuit took more than 1,024 MiB (QSERVER_INSPECTOR_MEMORY_MIB)"),
        (b"crash", "reading the circuit crashed the parser: it died of signal 11 (SIGSEGV)"),
        (b"panic", "reading the circuit failed: PanicException: out of range"),
    ],
)
async def test_a_circuit_that_kills_its_process_is_refused_and_the_next_one_is_read(
    pool: InspectorPool, source: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidCircuit) as caught:
        await pool.inspect(USER, "aer", source, CircuitFormat.OPENQASM2)

    assert caught.value.message == sentence
    assert (await pool.inspect(USER, "aer", b"bell", CircuitFormat.OPENQASM2)).profile == BELL_PROFILE


async def test_a_process_that_was_killed_while_it_lay_idle_is_not_the_next_circuits_fault(
    pool: InspectorPool, inspectors: FakeInspectors
) -> None:
    await pool.inspect(USER, "aer", b"bell", CircuitFormat.OPENQASM2)
    assert inspectors.latest is not None
    inspectors.latest.is_alive = False

    found = await pool.inspect(USER, "aer", b"bell", CircuitFormat.OPENQASM2)

    assert found.profile == BELL_PROFILE
    assert (inspectors.spawned, inspectors.closed) == (2, 1)


async def test_what_the_process_found_wrong_keeps_its_place(pool: InspectorPool) -> None:
    with pytest.raises(InvalidCircuit) as caught:
        await pool.inspect(USER, "aer", b"syntax error", CircuitFormat.OPENQASM2)

    assert (caught.value.line, caught.value.column) == (3, 7)


async def test_a_process_that_could_not_start_is_our_fault_and_not_the_circuits(pool: InspectorPool) -> None:
    with pytest.raises(ChildDied):
        await pool.inspect(USER, "aer", b"unable to start", CircuitFormat.OPENQASM2)


async def test_a_process_that_has_grown_is_replaced(pool: InspectorPool, inspectors: FakeInspectors) -> None:
    await pool.inspect(USER, "aer", b"grow", CircuitFormat.OPENQASM2)
    await pool.inspect(USER, "aer", b"bell", CircuitFormat.OPENQASM2)

    assert (inspectors.spawned, inspectors.closed) == (2, 1)


async def test_another_users_circuit_is_next_whoever_sent_how_many(
    pool: InspectorPool, inspectors: FakeInspectors
) -> None:
    inspectors.gate.clear()
    many = [
        asyncio.create_task(pool.inspect(USER, "aer", b"many %d" % number, CircuitFormat.OPENQASM2))
        for number in range(20)
    ]
    await asyncio.sleep(0)
    one = asyncio.create_task(pool.inspect(OTHER, "aer", b"one", CircuitFormat.OPENQASM2))
    await asyncio.sleep(0)

    inspectors.gate.set()
    await asyncio.gather(one, *many)

    assert b"one" in inspectors.inspected[:4]


async def test_a_slot_stays_taken_until_its_process_is_done_though_the_caller_went_away(
    pool: InspectorPool, inspectors: FakeInspectors
) -> None:
    inspectors.gate.clear()
    calls = [
        asyncio.create_task(pool.inspect(USER, "aer", b"slow %d" % number, CircuitFormat.OPENQASM2))
        for number in range(3)
    ]
    await until(lambda: len(inspectors.inspected) == 2)

    for call in calls[:2]:
        call.cancel()
    await asyncio.sleep(0)
    while_busy = len(inspectors.inspected)
    inspectors.gate.set()
    await calls[2]

    assert while_busy == 2
    assert inspectors.spawned == 2


async def test_how_a_circuit_fares_after_its_caller_went_away_is_no_news(
    pool: InspectorPool, inspectors: FakeInspectors
) -> None:
    news: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: news.append(context))
    inspectors.gate.clear()
    call = asyncio.create_task(pool.inspect(USER, "aer", b"hang", CircuitFormat.OPENQASM2))
    await until(lambda: len(inspectors.inspected) == 1)

    call.cancel()
    await asyncio.sleep(0)
    inspectors.gate.set()
    await asyncio.wait({call})
    del call  # it holds what would complain once it is gone
    gc.collect()

    assert news == []


async def test_options_that_the_engine_refuses_are_refused(pool: InspectorPool) -> None:
    with pytest.raises(InvalidRequest, match="the engine refuses the noise model") as caught:
        await pool.check_options(USER, "aer", {"noise_model": "refused"})

    assert caught.value.reason is Reason.INVALID_OPTION
