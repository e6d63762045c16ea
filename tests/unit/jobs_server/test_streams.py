"""Which changes wake the event loop."""

from collections.abc import AsyncIterator

import pytest

from database.changes import ChangeKind
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.job_streams import JobStreams
from jobs_server.result_streams import ResultStreams
from jobs_server.streams import Streams
from jobs_server.transactions import Transactions
from jobs_server.watch import Watches
from qserver.identity import ANONYMOUS
from tests.unit.jobs_server.builders import CountingDatabase, new_job


@pytest.fixture
async def streams(database: CountingDatabase) -> AsyncIterator[Streams]:
    transactions = Transactions(database, threads=2)
    made = Streams(Watches(transactions), JobStreams(transactions), ResultStreams(transactions, FreshJobs()))
    yield made
    made.close()
    transactions.close()


def _wanted(streams: Streams) -> set[ChangeKind]:
    return {kind for kind in (ChangeKind.JOBS, ChangeKind.WORK, ChangeKind.ENDED) if streams.want(kind)}


async def test_where_nobody_watches_only_what_ends_is_looked_at(streams: Streams) -> None:
    assert _wanted(streams) == {ChangeKind.ENDED}


async def test_one_who_follows_a_list_hears_of_all_jobs(streams: Streams) -> None:
    messages = streams.jobs.messages(ANONYMOUS, frozenset())
    await anext(messages)
    wanted = _wanted(streams)
    await messages.aclose()

    assert wanted == {ChangeKind.JOBS, ChangeKind.WORK, ChangeKind.ENDED}
    assert _wanted(streams) == {ChangeKind.ENDED}


async def test_one_who_watches_a_job_hears_of_all_jobs(streams: Streams, database: CountingDatabase) -> None:
    job = new_job()
    with database.transaction() as transaction:
        transaction.jobs.submit([job])
    events = streams.events.events(job.id, ANONYMOUS, after_sequence=0)
    await anext(events)
    wanted = _wanted(streams)
    await events.aclose()

    assert wanted == {ChangeKind.JOBS, ChangeKind.WORK, ChangeKind.ENDED}
    assert _wanted(streams) == {ChangeKind.ENDED}
