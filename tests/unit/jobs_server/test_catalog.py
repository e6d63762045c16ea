"""What the catalog remembers, and when it looks again."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

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
