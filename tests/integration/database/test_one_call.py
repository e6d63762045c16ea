"""Transactions of one call: PostgreSQL commits what is whole by itself without being asked again."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from database import Database, Transaction
from database.records import Claimant, Completion
from qserver.errors import InvalidRequest, NotFound
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.unit.database.builders import (
    LEASE_SECONDS,
    ROUTE,
    WORKER,
    JobBuilder,
    a_lease,
    a_result,
    read,
    submitted,
)
from tests.unit.database.contract.transactions import submit_and_fail

PLAIN_RESULT = replace(a_result(), arrays=())
CLAIMANT = Claimant(WORKER, frozenset({ROUTE}), 2**40)


def waits_for_the_disk(transaction: Transaction) -> bool:
    return transaction.jobs._work.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_jobs_are_there_for_all_once_the_call_is_done(database: Database) -> None:
    submitted(database)  # from now on this user's quotas have a row
    new = JobBuilder().build()

    with database.transaction(of_one_call=True) as transaction:
        transaction.jobs.submit([new])

        assert read(database, new.id).status is JobStatus.PENDING


def test_so_are_claims_which_alone_are_not_waited_for(database: Database) -> None:
    (job,) = submitted(database)

    with database.transaction(of_one_call=True) as transaction:
        transaction.jobs.claim([job.id], CLAIMANT, lease_seconds=LEASE_SECONDS)

        assert read(database, job.id).status is JobStatus.RUNNING
        assert waits_for_the_disk(transaction)


def test_so_are_results(database: Database) -> None:
    lease = a_lease(database, lease_seconds=LEASE_SECONDS)

    with database.transaction(of_one_call=True) as transaction:
        transaction.jobs.finish([Completion(lease, (PLAIN_RESULT,))])

        with database.reading() as reading:
            assert reading.results.get(lease.job_id, ANONYMOUS).results == (PLAIN_RESULT,)


def test_a_refused_call_leaves_nothing_behind(database: Database) -> None:
    submitted(database)
    good, bad = JobBuilder().build(), JobBuilder().build()
    bad = replace(bad, request=replace(bad.request, run=replace(bad.request.run, metadata={"framework": "a\0b"})))

    with pytest.raises(InvalidRequest), database.transaction(of_one_call=True) as transaction:
        transaction.jobs.submit([good, bad])

    with pytest.raises(NotFound):
        read(database, good.id)
    assert fails_as_a_whole(database)


def test_the_next_transaction_of_the_connection_is_whole_again(database: Database) -> None:
    submitted(database)

    assert fails_as_a_whole(database)


def fails_as_a_whole(database: Database) -> bool:
    new = JobBuilder().build()
    submit_and_fail(database, new)
    with pytest.raises(NotFound):
        read(database, new.id)
    return True
