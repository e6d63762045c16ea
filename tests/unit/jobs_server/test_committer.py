"""Group commit."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest
from structlog.testing import capture_logs

from database.records import NewJob
from jobs_server.committer import Committer
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.metrics import Metrics
from jobs_server.transactions import Transactions
from qserver.errors import AlreadyExists, Unavailable
from qserver.jobs import Job
from qserver.settings import MIB, QuotaSettings
from tests.unit.jobs_server.builders import CountingDatabase, new_job, no_direct_dispatch


@pytest.fixture
def committer(database: CountingDatabase) -> Iterator[Committer]:
    transactions = Transactions(database, threads=4)
    yield Committer(
        transactions, Metrics(), FreshJobs(), no_direct_dispatch(), quotas=QuotaSettings(), delay_seconds=0.002
    )
    transactions.close()


async def test_300_simultaneous_submissions_share_few_transactions(
    committer: Committer, database: CountingDatabase
) -> None:
    jobs = [new_job() for _ in range(300)]

    answers = await asyncio.gather(*(committer.store([job]) for job in jobs))

    assert [answer[0].id for answer in answers if isinstance(answer[0], Job)] == [job.id for job in jobs]
    assert database.stored_jobs() == 300
    assert database.transactions <= 3


async def test_large_circuits_do_not_share_a_transaction_until_it_is_too_slow(
    committer: Committer, database: CountingDatabase
) -> None:
    jobs = [with_source(new_job(), b"%d" % number + b" " * 6 * MIB) for number in range(4)]

    await asyncio.gather(*(committer.store([job]) for job in jobs))

    assert database.stored_jobs() == 4
    assert database.transactions == 2


def with_source(job: NewJob, source: bytes) -> NewJob:
    circuit = replace(job.circuit, source=source)
    return replace(job, circuit=circuit, circuit_sha256=sha256(source).digest())


async def test_a_job_that_cannot_be_stored_sinks_none_of_its_company(
    committer: Committer, database: CountingDatabase
) -> None:
    jobs = [new_job() for _ in range(20)]
    jobs[7] = replace(jobs[7], max_attempts=-1)  # the database refuses such a row

    answers = [answer for (answer,) in await asyncio.gather(*(committer.store([job]) for job in jobs))]

    assert [index for index, answer in enumerate(answers) if not isinstance(answer, Job)] == [7]
    assert database.stored_jobs() == 19


async def test_a_request_id_used_before_refuses_its_own_job_alone(committer: Committer) -> None:
    await committer.store([new_job(request_id="a")])

    again, other, fresh = await committer.store(
        [new_job(request_id="a"), new_job(request_id="a", priority=5), new_job()]
    )

    assert isinstance(again, Job)
    assert isinstance(other, AlreadyExists)
    assert isinstance(fresh, Job)


async def test_a_database_that_is_away_is_told_to_everybody_at_once(
    committer: Committer, database: CountingDatabase
) -> None:
    database.fault = Unavailable("the database doesn't answer")

    answers = await asyncio.gather(*(committer.store([new_job()]) for _ in range(10)))

    assert [answer for (answer,) in answers] == [database.fault] * 10


async def test_the_first_refusal_of_several_is_logged(committer: Committer, database: CountingDatabase) -> None:
    with capture_logs() as logs:
        for fault in (
            None,
            Unavailable("its disk is full"),
            Unavailable("still full"),
            None,
            Unavailable("full again"),
        ):
            database.fault = fault
            await committer.store([new_job()])

    told = [entry["why"] for entry in logs if entry["event"] == "submissions_not_stored"]
    assert told == ["its disk is full", "full again"]


async def test_nothing_to_store_is_answered_with_nothing(committer: Committer, database: CountingDatabase) -> None:
    assert await committer.store([]) == ()
    assert database.transactions == 0
