"""Jobs that the bench copies are like those that came through the front door."""

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Table, func, select

from bench.circuits import small_circuits
from bench.seeding import Seeder
from bench.servers import connection_string
from database import Database
from database.tables import METADATA, circuits, history, job_events, jobs, pubs, results
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.integration.database.conftest import postgres_settings
from tests.unit.database.builders import JobBuilder, a_finished_job, a_lease, claimed, finished, read

COPIES = 200


@pytest.fixture
def database(postgres_database_url: str) -> Iterator[Database]:
    with closing(Database.open(postgres_settings(postgres_database_url))) as database:
        database.upgrade()
        with database.transaction() as transaction:
            transaction.users.ensure_anonymous()
        yield database


@pytest.fixture
def pattern_id(database: Database) -> UUID:
    return a_finished_job(database, JobBuilder(source=small_circuits(1, seed=1)[0].encode()))


@pytest.fixture
def seeder(postgres_database_url: str, pattern_id: UUID) -> Iterator[Seeder]:  # noqa: ARG001 - there must be one
    with closing(psycopg.connect(connection_string(postgres_database_url), autocommit=True)) as connection:
        yield Seeder(connection)


def ids_of(database: Database, status: JobStatus, *, route: str = "cpu") -> list[UUID]:
    with database._engine.connect() as connection:
        return list(connection.scalars(select(jobs.c.id).where(jobs.c.status == status, jobs.c.route == route)))


def count(database: Database, table: Table) -> int:
    with database._engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def orphans(database: Database) -> dict[str, int]:
    """Count rows by the foreign keys that lead nowhere: PostgreSQL was told not to look."""
    found: dict[str, int] = {}
    with database._engine.connect() as connection:
        for table in METADATA.sorted_tables:
            for key in table.foreign_keys:
                target = key.column.table.alias()
                statement = (
                    select(func.count())
                    .select_from(table.outerjoin(target, key.parent == target.c[key.column.name]))
                    .where(key.parent.is_not(None), target.c[key.column.name].is_(None))
                )
                found[f"{table.name}.{key.parent.name}"] = connection.scalar(statement) or 0
    return {name: number for name, number in found.items() if number}


def test_waiting_jobs_can_be_claimed_and_finished(database: Database, seeder: Seeder) -> None:
    seeder.add_waiting(COPIES)

    waiting = ids_of(database, JobStatus.PENDING)
    (claim,) = claimed(database, waiting[:1])
    assert finished(database, claim.lease)
    assert read(database, claim.job.id).status is JobStatus.FINISHED


def test_waiting_jobs_belong_to_many_and_differ_in_their_circuits(database: Database, seeder: Seeder) -> None:
    seeder.add_waiting(COPIES)

    with database._engine.connect() as connection:
        owners = connection.scalar(select(func.count(func.distinct(jobs.c.owner_id))))
        sources = connection.scalar(select(func.count(func.distinct(circuits.c.source))))
    for_gpu = len(ids_of(database, JobStatus.PENDING, route="gpu"))
    assert owners is not None
    assert owners > 20
    assert sources == COPIES + 1
    assert 0 < for_gpu < COPIES / 5
    assert len(ids_of(database, JobStatus.PENDING)) + for_gpu == COPIES


def test_finished_jobs_have_all_that_a_finished_job_has(database: Database, seeder: Seeder, pattern_id: UUID) -> None:
    events_of_one = count(database, job_events)

    seeder.add_finished(COPIES)

    assert [count(database, table) for table in (jobs, pubs, results, history)] == [COPIES + 1] * 4
    assert count(database, job_events) == events_of_one * (COPIES + 1)
    with database.reading() as transaction:
        for job_id in ids_of(database, JobStatus.FINISHED)[:3]:
            assert transaction.results.get(job_id, ANONYMOUS).results[0].counts == {"11": 488, "00": 512}
        newest = transaction.history.list(ANONYMOUS, limit=2, offset=0)
    assert {row.status for row in newest} == {JobStatus.FINISHED}
    assert read(database, pattern_id).status is JobStatus.FINISHED


def test_copies_lead_nowhere_wrong_and_new_jobs_come_after_them(database: Database, seeder: Seeder) -> None:
    seeder.add_finished(COPIES)
    seeder.add_waiting(COPIES)

    assert orphans(database) == {}
    last = read(database, a_lease(database).job_id).pointer
    assert last == 2 * COPIES + 2


def test_without_a_finished_job_there_is_no_pattern(database: Database, postgres_database_url: str) -> None:
    assert count(database, jobs) == 0
    with (
        closing(psycopg.connect(connection_string(postgres_database_url), autocommit=True)) as connection,
        pytest.raises(RuntimeError, match="no pattern"),
    ):
        Seeder(connection)
