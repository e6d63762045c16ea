"""What the catalog remembers, and when it looks again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from database.transaction import Transaction
from jobs_server.catalog import Catalog
from jobs_server.transactions import Transactions
from qserver.clock import FakeClock
from qserver.errors import UnknownBackend
from tests.unit.database.builders import a_backend, a_plugin
from tests.unit.jobs_server.builders import CountingDatabase

AN_INSTANT_SECONDS = 0.001


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def catalog(database: CountingDatabase, clock: FakeClock) -> Iterator[Catalog]:
    with closing(Transactions(database, threads=1)) as transactions:
        yield Catalog(transactions, clock)


async def test_unknown_names_are_looked_up_together(
    catalog: Catalog, database: CountingDatabase, clock: FakeClock
) -> None:
    await catalog.backends()
    readings = database.readings
    clock.advance(AN_INSTANT_SECONDS)

    names = [f"unknown{number}" for number in range(20)]
    answers = await asyncio.gather(*map(catalog.backend, names), return_exceptions=True)

    assert [type(answer) for answer in answers] == [UnknownBackend] * 20
    assert [name in str(answer) for name, answer in zip(names, answers, strict=True)] == [True] * 20
    assert database.readings - readings == 1


async def test_a_look_that_began_before_the_question_is_no_answer(
    catalog: Catalog, database: CountingDatabase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await catalog.backends()
    clock.advance(AN_INSTANT_SECONDS)
    has_read, may_go_on = asyncio.Event(), asyncio.Event()
    read = catalog._transactions.read

    async def read_slowly(read_all: Callable[[Transaction], object]) -> object:
        found = await read(read_all)
        has_read.set()
        await may_go_on.wait()
        return found

    monkeypatch.setattr(catalog._transactions, "read", read_slowly)
    slow = asyncio.create_task(catalog._read_again())
    await has_read.wait()
    with database.transaction() as transaction:
        transaction.plugins.register(a_plugin("late"), [("late", "late", a_backend("late"))])
    clock.advance(AN_INSTANT_SECONDS)

    question = asyncio.create_task(catalog.backend("late"))
    await asyncio.sleep(0)
    may_go_on.set()

    assert (await question).record.spec.name == "late"
    await slow


@pytest.mark.parametrize("seconds", [AN_INSTANT_SECONDS, 0.5, 100.0])
async def test_a_backend_that_was_added_since_is_found(
    catalog: Catalog, database: CountingDatabase, clock: FakeClock, seconds: float
) -> None:
    with pytest.raises(UnknownBackend):
        await catalog.backend("late")
    with database.transaction() as transaction:
        transaction.plugins.register(a_plugin("late"), [("late", "late", a_backend("late"))])

    clock.advance(seconds)

    assert (await catalog.backend("late")).record.spec.name == "late"
