"""The reckoning finds what is wrong: each promise is broken by hand, in a database that kept them all."""

from collections.abc import Iterator

import psycopg
import pytest

from database import Database
from tests.chaos.audit import faults_in_answers, faults_in_rows
from tests.chaos.clients import Ledger
from tests.chaos.invariants import INVARIANTS
from tests.chaos.orders import Kind, Order
from tests.integration.database.conftest import postgres_settings
from tests.servers.postgres import PostgresServer
from tests.unit.database.builders import JobBuilder, a_finished_job

_SECOND_RESULT = """
    INSERT INTO results (id, job_id, pub_index, document, size_bytes, attempt, created_at)
    SELECT gen_random_uuid(), job_id, 1, document, size_bytes, attempt, created_at FROM results"""
_ANOTHER_END = """
    INSERT INTO job_events (job_id, sequence, status, at)
    SELECT job_id, sequence + 1, 'finished', at FROM job_events WHERE status = 'finished';
    UPDATE jobs SET event_sequence = event_sequence + 1"""
_FAILED = "UPDATE jobs SET status = 'failed', reason = 'WORKER_LOST'"
_PENDING = "UPDATE jobs SET status = 'pending', attempt = 0, started_at = NULL, finished_at = NULL"

BREACHES = {
    "a job is not in a final state": _PENDING,
    "a finished job has not exactly one result": _SECOND_RESULT,
    "a job that did not finish has a result": _FAILED,
    "a result is of another attempt than the one that finished": "UPDATE results SET attempt = 2",
    "a job was claimed more or fewer times than it has attempts": "UPDATE jobs SET attempt = 2",
    "a job ran twice without waiting in between": "UPDATE job_events SET status = 'running' WHERE sequence = 3",
    "events of a job have gaps": "DELETE FROM job_events WHERE sequence = 2",
    "a job ended more than once, or something followed its end": _ANOTHER_END,
    "a job has not exactly one row of history that says the same": "DELETE FROM history",
    "a job was given up before its attempts were used": _FAILED,
    "history tells of a job that is not there": "UPDATE history SET job_id = gen_random_uuid()",
    "a submission leads to no job": "UPDATE submissions SET job_id = gen_random_uuid()",
    "a job has no submission that led to it, or several": "DELETE FROM submissions",
    "a job has no circuit": "DELETE FROM pubs",
    "a circuit belongs to no job": "DELETE FROM history; DELETE FROM pubs",
}


@pytest.fixture(scope="module")
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database with one job that was submitted by name, claimed and finished, as it should be."""
    with postgres_server.empty_database() as url:
        database = Database.open(postgres_settings(url))
        try:
            database.upgrade()
            a_finished_job(database, JobBuilder(request_id="the only one"))
        finally:
            database.close()
        yield url.replace("+psycopg", "")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection whose changes nobody else sees, taken back at the end."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def test_a_database_that_kept_every_promise_passes(connection: psycopg.Connection) -> None:
    assert list(faults_in_rows(connection)) == []


def test_each_invariant_is_broken_below() -> None:
    assert BREACHES.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("sentence", BREACHES)
def test_a_broken_promise_is_named(connection: psycopg.Connection, sentence: str) -> None:
    connection.execute(BREACHES[sentence].encode())

    assert any(fault.startswith(sentence) for fault in faults_in_rows(connection))


def test_two_answers_for_one_request_id_are_named() -> None:
    ledger = Ledger()
    order = Order("twice", Kind.SMALL, 1, b"")
    ledger.want([order])
    for job_id in ("one", "another"):
        ledger.send(lambda _orders, job_id=job_id: {"twice": job_id}, [order])  # type: ignore[misc]

    assert list(faults_in_answers(ledger)) == ["the request_id twice was answered with 2 different jobs"]
