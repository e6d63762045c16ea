"""What the catalog remembers, and when it looks again."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from jobs_server.catalog import Catalog
from jobs_server.transactions import Transactions
from qserver.clock import FakeClock
from qserver.errors import UnknownBackend
from tests.unit.database.builders import a_backend, a_plugin
from tests.unit.jobs_server.builders import CountingDatabase

CLOCK_STEP_SECONDS = 0.5


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def catalog(database: CountingDatabase, clock: FakeClock) -> Iterator[Catalog]:
    with closing(Transactions(database, threads=1)) as transactions:
        yield Catalog(transactions, clock)


async def test_unknown_names_in_a_row_are_looked_up_once(catalog: Catalog, database: CountingDatabase) -> None:
    readings = database.readings

    for number in range(20):
        with pytest.raises(UnknownBackend, match=f"'unknown{number}' is unknown"):
            await catalog.backend(f"unknown{number}")

    assert database.readings - readings == 1


async def test_a_backend_that_was_added_since_is_found(
    catalog: Catalog, database: CountingDatabase, clock: FakeClock
) -> None:
    with pytest.raises(UnknownBackend):
        await catalog.backend("late")
    with database.transaction() as transaction:
        transaction.plugins.register(a_plugin("late"), [("late", "late", a_backend("late"))])

    clock.advance(CLOCK_STEP_SECONDS)

    assert (await catalog.backend("late")).record.spec.name == "late"
