"""What is known of jobs without asking the database."""

from dataclasses import replace
from uuid import uuid4

import pytest

from database.changes import Change, ChangeKind
from database.records import NewJob
from jobs_server.committer import Committer
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.metrics import Metrics
from jobs_server.transactions import Transactions
from qserver.errors import Unavailable
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.settings import QuotaSettings
from tests.unit.jobs_server.builders import CountingDatabase, new_job, no_direct_dispatch

ADA = Identity(uuid4(), "ada", Role.USER)
EVE = Identity(uuid4(), "eve", Role.USER)


def known(*jobs: NewJob) -> FreshJobs:
    fresh = FreshJobs(most_jobs=3)
    for job in jobs:
        fresh.expect([job])
    return fresh


@pytest.mark.parametrize(("caller", "waits"), [(ADA, True), (EVE, False), (ANONYMOUS, True)])
def test_only_who_may_see_a_job_hears_that_it_waits(caller: Identity, waits: bool) -> None:  # noqa: FBT001 - a parameter
    job = replace(new_job(), identity=ADA)

    assert known(job).waits(job.id, caller) is waits


@pytest.mark.parametrize("kind", [ChangeKind.ENDED, ChangeKind.RECONNECTED])
def test_what_may_be_over_is_not_known_to_wait(kind: ChangeKind) -> None:
    job = new_job()
    fresh = known(job)

    fresh.tell(Change(kind, (job.id,) if kind is ChangeKind.ENDED else ()))

    assert not fresh.waits(job.id, ANONYMOUS)


def test_a_job_that_was_claimed_is_not_over() -> None:
    job = new_job()
    fresh = known(job)

    fresh.tell(Change(ChangeKind.JOBS, (job.id,)))

    assert fresh.waits(job.id, ANONYMOUS)


def test_the_newest_jobs_are_known() -> None:
    jobs = [new_job() for _ in range(5)]

    fresh = known(*jobs)

    assert [fresh.waits(job.id, ANONYMOUS) for job in jobs] == [False, False, True, True, True]


async def test_a_job_that_was_not_stored_is_forgotten(database: CountingDatabase) -> None:
    transactions, fresh, job = Transactions(database, threads=1), FreshJobs(), new_job()
    database.fault = Unavailable("away")

    answers = await Committer(
        transactions, Metrics(), fresh, no_direct_dispatch(), quotas=QuotaSettings(), delay_seconds=0
    ).store([job])
    transactions.close()

    assert isinstance(answers[0], Unavailable)
    assert not fresh.waits(job.id, ANONYMOUS)
