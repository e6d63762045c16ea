"""Databases with many jobs, of which the planner has better or worse figures."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from database import Database

WAITING_JOBS = 20_000
OWNERS = 10


class Figures(StrEnum):
    """What the planner knows of the tables: how autovacuum found them when it came by last."""

    OF_AN_EMPTY_TABLE = "of an empty table"
    OF_A_FEW_JOBS = "of a few jobs"
    OF_A_FEW_JOBS_IN_MUCH_SPACE = "of a few jobs in much space"
    OF_AN_EMPTY_TABLE_NOW_VACUUMED = "of an empty table, now vacuumed"
    RIGHT = "right"


def crowd(database: Database) -> None:
    """Add many copies of what waits."""
    columns = "owner_id, program, backend, plugin, route, request, plan, memory_bytes, estimated_seconds, precedence"
    rest = "status, attempt, max_attempts, submitted_at, event_sequence"
    copies = f"""
        WITH copied AS (
            INSERT INTO jobs (id, {columns}, {rest})
            SELECT gen_random_uuid(), {columns}, {rest} FROM jobs, generate_series(1, {WAITING_JOBS // OWNERS})
            RETURNING id, owner_id
        )
        INSERT INTO pubs (job_id, pub_index, circuit_id, inputs)
        SELECT copied.id, 0, circuits.id, '{{"shots": 1}}' FROM copied JOIN circuits USING (owner_id)
    """  # noqa: S608 - constants
    with database._engine.begin() as connection:
        connection.execute(text(copies))


def leave_the_newest(database: Database) -> None:
    """Remove all but one job of each owner; the space of the others stays taken."""
    newest = "SELECT max(pointer) FROM jobs GROUP BY owner_id"
    with database._engine.begin() as connection:
        connection.execute(text(f"DELETE FROM jobs WHERE pointer NOT IN ({newest})"))  # noqa: S608 - constants


def vacuum(database: Database, *, analyze: bool) -> None:
    """Do what autovacuum does now and then, which doesn't run in the tests."""
    with database._reading_engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE" if analyze else "VACUUM"))


def finish_all(database: Database) -> Sequence[UUID]:
    """Finish every job, with a result, behind the planner's back; give their ids."""
    finish = """
        UPDATE jobs SET status = 'finished', started_at = now(), finished_at = now(), attempt = 1 RETURNING id
    """
    store = """
        INSERT INTO results (id, job_id, pub_index, document, size_bytes, attempt, created_at)
        SELECT gen_random_uuid(), id, 0, '{}', 2, 1, now() FROM jobs
    """
    with database._engine.begin() as connection:
        job_ids = connection.execute(text(finish)).scalars().all()
        connection.execute(text(store))
    return job_ids


def crowd_with_equal_jobs(database: Database) -> None:
    """Add many finished jobs with results: every second one equals the one that is there."""
    columns = "owner_id, program, backend, plugin, route, request, plan, memory_bytes, estimated_seconds, precedence"
    rest = "status, attempt, max_attempts, submitted_at, started_at, finished_at, event_sequence"
    copies = f"""
        WITH copied AS (
            INSERT INTO jobs (id, {columns}, {rest}, cache_key)
            SELECT gen_random_uuid(), {columns}, {rest},
                CASE number % 2 WHEN 0 THEN cache_key ELSE sha256(number::text::bytea) END
            FROM jobs, generate_series(1, {WAITING_JOBS}) number
            RETURNING id
        )
        INSERT INTO results (id, job_id, pub_index, document, size_bytes, attempt, created_at)
        SELECT gen_random_uuid(), copied.id, 0, document, size_bytes, attempt, created_at FROM copied, results
    """  # noqa: S608 - constants
    with database._engine.begin() as connection:
        connection.execute(text(copies))
