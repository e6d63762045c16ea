"""Results that are asked for at the same moment."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from database import Database, Transaction
from database.changes import MemoryFeed
from database.engine import create_database_engine
from qserver.errors import NotFound
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.results import Array
from qserver.settings import Settings
from rest_api.shared_results import MAX_SHARED, SharedResults
from tests.unit.rest_api.site import RESULT, Site


class CountedDatabase(Database):
    """A database that counts how often it is read."""

    readings = 0

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Read, and count it."""
        self.readings += 1
        with super().reading() as transaction:
            yield transaction


@pytest.fixture
def database(settings: Settings) -> Iterator[CountedDatabase]:
    """The site's database, seen by a reader of its own."""
    counted = CountedDatabase(create_database_engine(settings.database), MemoryFeed())
    yield counted
    counted.close()


async def test_those_asked_for_together_are_read_together(site: Site, database: CountedDatabase) -> None:
    jobs = [site.submit() for _ in range(MAX_SHARED)]
    for job in jobs:
        site.finish(job)
    shared = SharedResults(database)

    answers = await asyncio.gather(*(shared.read(job.id, ANONYMOUS) for job in jobs))

    assert [str(job.id).encode() in answer.text for job, answer in zip(jobs, answers, strict=True)] == [True] * len(
        jobs
    )
    assert database.readings == 1


async def test_a_lone_one_waits_for_nobody(site: Site, database: CountedDatabase) -> None:
    job = site.submit()
    site.finish(job)
    shared = SharedResults(database)

    first, second = await shared.read(job.id, ANONYMOUS), await shared.read(job.id, ANONYMOUS)

    assert first == second
    assert database.readings == 2


async def test_one_that_is_missing_takes_no_other_with_it(site: Site, database: CountedDatabase) -> None:
    finished, waiting, unknown = site.submit(), site.submit(), uuid4()
    site.finish(finished)
    shared = SharedResults(database)

    wanted = (shared.read(job_id, ANONYMOUS) for job_id in (finished.id, waiting.id, unknown))
    result, *missing = await asyncio.gather(*wanted, return_exceptions=True)

    assert not isinstance(result, BaseException)
    assert [str(error) for error in missing] == [
        f"job {waiting.id} has no result yet: it is pending",
        f"there is no job {unknown}",
    ]


async def test_company_shows_nobody_the_jobs_of_others(site: Site, database: CountedDatabase) -> None:
    job = site.submit()
    site.finish(job)
    shared = SharedResults(database)
    stranger = Identity(uuid4(), "eve", Role.USER)

    owned, foreign = await asyncio.gather(
        shared.read(job.id, ANONYMOUS), shared.read(job.id, stranger), return_exceptions=True
    )

    assert not isinstance(owned, BaseException)
    assert isinstance(foreign, NotFound)
    assert str(foreign) == f"there is no job {job.id}"
    assert database.readings == 1


async def test_a_large_one_is_read_alone(site: Site, database: CountedDatabase) -> None:
    small, large = site.submit(), site.submit()
    site.finish(small)
    site.finish(large, replace(RESULT, arrays=(Array("memory", "uint8", (70_000,), bytes(70_000)),)))
    shared = SharedResults(database)

    answers = await asyncio.gather(*(shared.read(job.id, ANONYMOUS) for job in (small, large)))

    assert [str(job.id).encode() in answer.text for job, answer in zip((small, large), answers, strict=True)] == [
        True
    ] * 2
    assert database.readings == 2
