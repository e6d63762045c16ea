"""The reckoning finds what is wrong: each promise is broken by hand, in a database that kept them all."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import psycopg
import pytest

from database import Database
from tests.chaos.audit import faults_in_answers, faults_in_outcomes, faults_in_rows, leftovers
from tests.chaos.clients import Ledger
from tests.chaos.invariants import INVARIANTS
from tests.chaos.orders import Kind, Order
from tests.integration.database.conftest import postgres_settings
from tests.servers.postgres import PostgresServer
from tests.unit.database.builders import JobBuilder, a_finished_job

if TYPE_CHECKING:
    from tests.chaos.site import Site

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


def _told(job_id: str, *, kind: Kind = Kind.SMALL) -> Ledger:
    """Give the books of a client who was told of one job."""
    ledger, order = Ledger(), Order("mine", kind, 1, b"")
    ledger.want([order])
    ledger.send(lambda _orders: {"mine": job_id}, [order])
    return ledger


def _only_job(connection: psycopg.Connection) -> str:
    (job_id,) = connection.execute("SELECT id FROM jobs").fetchone() or ("",)
    return str(job_id)


def test_a_job_that_was_accepted_and_one_that_nobody_knows_are_named(connection: psycopg.Connection) -> None:
    lost = "00000000-0000-4000-8000-000000000000"

    assert list(faults_in_outcomes(connection, _told(lost))) == [
        f"the job {lost} was accepted and is not there",
        f"nobody was told of the job {_only_job(connection)}",
    ]


def test_the_result_of_another_job_is_named(connection: psycopg.Connection) -> None:
    job_id = _only_job(connection)

    (fault,) = faults_in_outcomes(connection, _told(job_id))

    assert fault.startswith(f"the job {job_id} has the result of another: ")


def test_an_end_that_nothing_explains_is_named(connection: psycopg.Connection) -> None:
    job_id = _only_job(connection)
    connection.execute("UPDATE jobs SET status = 'failed', reason = 'INTERNAL'")

    assert list(faults_in_outcomes(connection, _told(job_id, kind=Kind.LONG))) == [
        f"the long job {job_id} came to: failed INTERNAL"
    ]


def test_files_and_processes_and_connections_that_were_left_are_named(database_url: str, tmp_path: Path) -> None:
    left = tmp_path / "temporary" / "left"
    left.parent.mkdir()
    left.touch()
    site = cast("Site", SimpleNamespace(folder=tmp_path, temporary_folder=left.parent))

    with (
        psycopg.connect(database_url, application_name="qserver"),
        psycopg.connect(database_url, autocommit=True) as connection,
        subprocess.Popen(["sleep", "600"], env={"PATH": os.defpath, "FOLDER": str(tmp_path)}) as process,
    ):
        found = list(leftovers(site, connection))
        process.kill()

    assert found == [
        f"a file was left: {left}",
        f"a process was left: {process.pid}",
        "1 connections to PostgreSQL were left open",
    ]
