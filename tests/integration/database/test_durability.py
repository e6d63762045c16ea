"""What PostgreSQL has on disk before anybody hears of it, and what it may forget."""

from sqlalchemy import text

from database import Database, Transaction
from database.records import Claimant, Completion
from tests.unit.database.builders import LEASE_SECONDS, ROUTE, WORKER, JobBuilder, a_lease, a_result, submitted


def waits_for_the_disk(transaction: Transaction) -> bool:
    return transaction.jobs._work.execute(text("SHOW synchronous_commit")).scalar() == "on"


def test_a_claim_is_not_waited_for(database: Database) -> None:
    (job,) = submitted(database)

    with database.transaction() as transaction:
        claims = transaction.jobs.claim([job.id], Claimant(WORKER, frozenset({ROUTE}), 2**40), lease_seconds=1.0)

        assert len(claims) == 1
        assert not waits_for_the_disk(transaction)


def test_jobs_and_results_are(database: Database) -> None:
    lease = a_lease(database, lease_seconds=LEASE_SECONDS)

    with database.transaction() as transaction:
        transaction.jobs.submit([JobBuilder().build()])
        assert transaction.jobs.finish([Completion(lease, (a_result(),))]) == {lease.job_id}

        assert waits_for_the_disk(transaction)


def test_the_mark_of_a_published_job_is_not(database: Database) -> None:
    (job,) = submitted(database)

    with database.transaction() as transaction:
        picked = transaction.dispatch.pick(ROUTE, limit_jobs=1, limit_seconds=1.0, memory_bytes=2**40)

        assert picked.job_ids == (job.id,)
        assert not waits_for_the_disk(transaction)
