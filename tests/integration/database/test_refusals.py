"""What PostgreSQL can't store, and how that is told."""

from dataclasses import replace
from datetime import datetime
from traceback import format_exception

import pytest
from sqlalchemy import text

from database import Database
from database.records import NewJob
from qserver.errors import InvalidRequest, NotFound, QServerError
from qserver.jobs import JobRequest, RunRequest
from qserver.json_types import JsonObject
from tests.unit.database.builders import JobBuilder, a_finished_job, read


def with_metadata(metadata: JsonObject) -> NewJob:
    request = JobRequest(RunRequest("aer", frozenset(), metadata=metadata))
    return replace(JobBuilder().build(), request=request)


def submit(database: Database, *new_jobs: NewJob) -> None:
    with database.transaction() as transaction:
        transaction.jobs.submit(new_jobs)


@pytest.mark.parametrize("metadata", [{"framework": "a\0b"}, {"half": "\ud800"}, {"number": float("nan")}])
def test_a_value_that_cannot_be_stored_is_the_callers_fault_and_leaves_nothing_behind(
    database: Database, metadata: JsonObject
) -> None:
    good = JobBuilder().build()

    with pytest.raises(InvalidRequest, match="can't be stored"):
        submit(database, good, with_metadata(metadata))

    with pytest.raises(NotFound):
        read(database, good.id)


def test_a_refusal_tells_nothing_of_what_was_sent(database: Database) -> None:
    secret = "circuit " * 3  # not in this form on any line of the source, which a trace shows too

    with pytest.raises(InvalidRequest) as refusal:
        submit(database, with_metadata({"secret": secret + "\0"}))

    assert secret not in "".join(format_exception(refusal.value))


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 - what is tested

    with pytest.raises(QServerError):
        submit(database, JobBuilder(expires_at=naive).build())


@pytest.mark.parametrize(
    "wrong",
    [
        "status = 'running'",
        "status = 'finished'",
        "status = 'lost'",
        "attempt = max_attempts + 1",
        "worker_id = gen_random_uuid()",
        "finished_at = now()",
        "started_at = now()",
        "status = 'failed', finished_at = now()",
        "event_sequence = 0",
        "owner_id = gen_random_uuid()",
        "attempt = max_attempts",
        "reason = 'WORKER_LOST', status = 'finished', started_at = now(), finished_at = now(), attempt = 1",
        "status = 'running', worker_id = gen_random_uuid(), started_at = now(), attempt = 1",
        "status = 'running', lease_expires_at = now(), started_at = now(), attempt = 1",
        "status = 'finished', started_at = now(), finished_at = now()",
        "status = 'canceled', reason = 'CANCELED_BY_USER', finished_at = now(), lease_expires_at = now()",
        "status = 'canceled', reason = 'CANCELED_BY_USER', finished_at = now(), published_at = now()",
    ],
)
def test_a_wrong_row_is_impossible(database: Database, wrong: str) -> None:
    submit(database, JobBuilder().build())

    def break_it() -> None:
        with database.transaction() as transaction:
            transaction.users._work.execute(text(f"UPDATE jobs SET {wrong}"))  # noqa: S608 - constants above

    with pytest.raises(QServerError, match="refused a wrong row"):
        break_it()


_CONTRADICTIONS = {
    "a second result of a PUB": """
        INSERT INTO results (id, job_id, pub_index, document, size_bytes, attempt, created_at)
        SELECT gen_random_uuid(), job_id, pub_index, document, size_bytes, attempt + 1, now() FROM results""",
    "a result of no job": """
        INSERT INTO results (id, job_id, pub_index, document, size_bytes, attempt, created_at)
        SELECT gen_random_uuid(), gen_random_uuid(), pub_index, document, size_bytes, attempt, now() FROM results""",
    "a second end": """
        INSERT INTO job_events (job_id, sequence, status, at)
        SELECT job_id, sequence, 'failed', now() FROM job_events WHERE status = 'finished'""",
    "a second row of history": """
        INSERT INTO history (job_id, pointer, owner_id, circuit_id, program, plugin, route, request, inputs, status,
        attempt, max_attempts, submitted_at, finished_at, event_sequence)
        SELECT job_id, pointer + 1, owner_id, circuit_id, program, plugin, route, request, inputs, 'failed',
        attempt, max_attempts, submitted_at, finished_at, event_sequence FROM history""",
    "a second job for a request_id": """
        INSERT INTO submissions (owner_id, request_id, content_sha256, job_id)
        SELECT owner_id, request_id, content_sha256, gen_random_uuid() FROM submissions""",
    "a circuit stored twice": """
        INSERT INTO circuits (id, owner_id, sha256, format, source, created_at, used_at)
        SELECT gen_random_uuid(), owner_id, sha256, format, source, now(), now() FROM circuits""",
    "a circuit removed from under its job": "DELETE FROM circuits",
}


@pytest.mark.parametrize("statement", _CONTRADICTIONS.values(), ids=_CONTRADICTIONS)
def test_rows_that_contradict_each_other_are_impossible(database: Database, statement: str) -> None:
    a_finished_job(database, JobBuilder(request_id="the only one"))

    def store_it() -> None:
        with database.transaction() as transaction:
            transaction.users._work.execute(text(statement))

    with pytest.raises(QServerError, match="refused a wrong row"):
        store_it()
