"""What PostgreSQL reads to run the queue: what is wanted, never what waits."""

from collections.abc import Sequence
from contextlib import closing
from uuid import UUID

import pytest
from sqlalchemy import text

from database import Database
from database.records import Completion, PlainResult
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from qserver.settings import DatabaseSettings
from tests.integration.database.conftest import postgres_settings
from tests.integration.database.crowds import (
    OWNERS,
    WAITING_JOBS,
    Figures,
    crowd,
    crowd_with_equal_jobs,
    finish_all,
    leave_the_newest,
    vacuum,
)
from tests.integration.database.rows_read import reading_counted
from tests.unit.database.builders import (
    LAPSED,
    LEASE_SECONDS,
    ROUTE,
    WORKER,
    JobBuilder,
    a_finished_job,
    a_result,
    a_user,
    a_worker,
    claimed,
    registered,
    submitted,
)

BATCH = 64
JOBS_SET_ASIDE_AT_ONCE = 10_000
READ_AT_MOST = OWNERS * BATCH + 2 * OWNERS + 4 * BATCH
"""A pick looks twice to find each owner and at one batch of each; then each picked job is found, locked and changed."""


@pytest.fixture
def database_settings(postgres_database_url: str) -> DatabaseSettings:
    """Of a database of the test's own: the space that others left in their tables would change plans too."""
    settings = postgres_settings(postgres_database_url).model_copy(update={"database_timeout_seconds": 60.0})
    with closing(Database.open(settings)) as database:
        database.upgrade()
    return settings


@pytest.fixture(params=Figures)
def crowded(request: pytest.FixtureRequest, database: Database) -> Database:
    """A database in which many jobs of a few owners wait, of which the planner has some figures."""
    vacuum(database, analyze=True)
    registered(database, "aer")
    owners = [a_user(database, f"user-{number}") for number in range(OWNERS)]
    submitted(database, *[JobBuilder(owner=owner) for owner in owners])
    match request.param:
        case Figures.OF_A_FEW_JOBS:
            vacuum(database, analyze=True)
        case Figures.OF_A_FEW_JOBS_IN_MUCH_SPACE:
            crowd(database)
            leave_the_newest(database)
            vacuum(database, analyze=True)
    crowd(database)
    match request.param:
        case Figures.OF_AN_EMPTY_TABLE_NOW_VACUUMED:
            vacuum(database, analyze=False)
        case Figures.RIGHT:
            vacuum(database, analyze=True)
    return database


with_right_figures = pytest.mark.parametrize("crowded", [Figures.RIGHT], indirect=True)


def test_nothing_reads_what_waits(crowded: Database) -> None:
    with reading_counted(crowded) as reader:
        work_off_a_batch(crowded)

    most = max(reader.rows_read, key=reader.rows_read.__getitem__)
    assert reader.scans <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    assert reader.rows_read[most] <= READ_AT_MOST, most
    most_beside = max(reader.rows_beside, key=reader.rows_beside.__getitem__)
    assert reader.rows_beside[most_beside] <= 2 * BATCH, most_beside


@with_right_figures
def test_a_job_that_no_worker_can_hold_is_read_once(crowded: Database) -> None:
    with crowded._engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET memory_bytes = 4097"))
    (fits,) = submitted(crowded, JobBuilder(owner=a_user(crowded, "newcomer")))
    first = [picked_of_4096_bytes(crowded) for _ in range(1 + WAITING_JOBS // JOBS_SET_ASIDE_AT_ONCE)]

    with reading_counted(crowded) as reader:
        again = picked_of_4096_bytes(crowded)

    assert [job_id for batch in first for job_id in batch] == [fits.id]
    assert not again
    assert max(reader.rows_read.values()) == 0


@with_right_figures
def test_counting_what_waits_reads_nothing_that_is_over(crowded: Database) -> None:
    with crowded._engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET status = 'canceled', reason = 'EXPIRED', finished_at = now()"))
    vacuum(crowded, analyze=True)

    with reading_counted(crowded) as reader, crowded.transaction() as transaction:
        counted = transaction.jobs.count_by_route()

    assert counted == {}
    assert max(reader.rows_read.values()) == 0


@with_right_figures
def test_counting_what_is_over_reads_an_index_alone(crowded: Database) -> None:
    with crowded._engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET status = 'canceled', reason = 'EXPIRED', finished_at = now()"))
    vacuum(crowded, analyze=True)

    with reading_counted(crowded) as reader, crowded.transaction() as transaction:
        counted = transaction.jobs.count_by_status(None)

    assert counted[JobStatus.CANCELED] == WAITING_JOBS + OWNERS
    assert "Index Only Scan" in reader.scans


@with_right_figures
def test_a_page_far_down_skips_in_an_index_alone_what_is_before_it(crowded: Database) -> None:
    vacuum(crowded, analyze=True)

    with reading_counted(crowded) as reader, crowded.transaction() as transaction:
        page = transaction.jobs.list(ANONYMOUS, limit=20, offset=WAITING_JOBS - 10)

    assert len(page) == 20
    assert "Index Only Scan" in reader.scans


def test_reading_named_results_reads_no_others(crowded: Database) -> None:
    wanted = finish_all(crowded)[:BATCH]

    with reading_counted(crowded) as reader, crowded.transaction() as transaction:
        found = transaction.results.of_jobs(wanted, ANONYMOUS)

    assert [bool(found[job_id].documents) for job_id in wanted] == [True] * BATCH
    assert max(reader.rows_read.values()) <= BATCH
    assert max(reader.rows_beside.values()) <= BATCH


@with_right_figures
@pytest.mark.parametrize("statuses", [frozenset(), frozenset({JobStatus.FINISHED})])
def test_a_page_of_results_reads_no_others(crowded: Database, statuses: frozenset[JobStatus]) -> None:
    finish_all(crowded)
    vacuum(crowded, analyze=True)

    with reading_counted(crowded) as reader, crowded.transaction() as transaction:
        page = transaction.jobs.list_results(ANONYMOUS, limit=BATCH, offset=10, statuses=statuses)

    assert [type(result) for result in page] == [PlainResult] * BATCH
    assert max(reader.rows_read.values()) <= 2 * BATCH + 10  # the keys, from the first on, then their rows
    assert max(reader.rows_beside.values()) <= BATCH


@pytest.mark.parametrize("figures", [Figures.OF_AN_EMPTY_TABLE, Figures.OF_A_FEW_JOBS, Figures.RIGHT])
def test_an_equal_job_is_found_among_many_without_reading_them(database: Database, figures: Figures) -> None:
    vacuum(database, analyze=True)
    first = a_finished_job(database, JobBuilder(cache=True))
    if figures is Figures.OF_A_FEW_JOBS:
        vacuum(database, analyze=True)
    crowd_with_equal_jobs(database)
    if figures is Figures.RIGHT:
        vacuum(database, analyze=True)

    with reading_counted(database) as reader:
        answered = submitted(database, *[JobBuilder(cache=True)] * BATCH)

    assert {job.status for job in answered} == {JobStatus.FINISHED}
    assert first not in {job.id for job in answered}
    assert "Seq Scan" not in reader.scans
    most = max(reader.rows_read, key=reader.rows_read.__getitem__)
    assert reader.rows_read[most] <= 2 * BATCH, most
    most_beside = max(reader.rows_beside, key=reader.rows_beside.__getitem__)
    assert reader.rows_beside[most_beside] <= 2 * BATCH, most_beside


def picked_of_4096_bytes(database: Database) -> Sequence[UUID]:
    with database.transaction() as transaction:
        return transaction.dispatch.pick(ROUTE, limit_jobs=BATCH, limit_seconds=1e9, memory_bytes=4096).job_ids


def work_off_a_batch(database: Database) -> None:
    """Do everything that services do again and again."""
    with database.transaction() as transaction:
        transaction.workers.register(a_worker())
        picked = transaction.dispatch.pick(ROUTE, limit_jobs=BATCH, limit_seconds=1e9, memory_bytes=2**40)
        transaction.dispatch.loads(live_within_seconds=LEASE_SECONDS)
    leases = [claim.lease for claim in claimed(database, picked.job_ids)]
    assert len(leases) == BATCH
    done, dropped, lost, canceled = leases[:40], leases[40:50], leases[50:63], leases[63]
    with database.transaction() as transaction:
        assert len(transaction.jobs.renew(WORKER, leases, lease_seconds=LEASE_SECONDS)) == BATCH
        assert len(transaction.jobs.still_held(leases)) == BATCH
        assert len(transaction.jobs.finish([Completion(lease, (a_result(),)) for lease in done])) == len(done)
        assert len(transaction.jobs.release(dropped, lose_attempt=True)) == len(dropped)
        transaction.jobs.renew(WORKER, lost, lease_seconds=LAPSED)
        assert len(transaction.jobs.expire_leases()) == len(lost)
        assert transaction.jobs.expire_waiting() == []
        assert transaction.jobs.fail_orphans() == []
        transaction.jobs.cancel(canceled.job_id, ANONYMOUS)
        transaction.jobs.delete(canceled.job_id, ANONYMOUS)
        transaction.dispatch.unpublish(ROUTE, older_than_seconds=0)
        transaction.retention.remove_old_jobs(keep_days=1.0)
        transaction.jobs.list(ANONYMOUS, limit=20, newest_first=True)
        assert len(transaction.jobs.details(ANONYMOUS, limit=20, offset=0)) == 20
        found = transaction.results.of_jobs([lease.job_id for lease in leases], ANONYMOUS)
        assert sum(bool(result.documents) for result in found.values()) == len(done)
