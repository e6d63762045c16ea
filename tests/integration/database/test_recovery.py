"""A database that goes away and comes back."""

from collections.abc import Iterator
from queue import Queue

import pytest
from sqlalchemy import text

from database import Change, ChangeKind, Database
from qserver.errors import Reason, Unavailable
from tests.integration.database.conftest import postgres_settings
from tests.servers.postgres import PostgresServer
from tests.unit.database.builders import JobBuilder, claimed, read, submitted
from tests.waiting import wait_until

PATIENCE_SECONDS = 30.0


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_database(own_server: PostgresServer) -> Iterator[Database]:
    database = Database.open(postgres_settings(own_server.url()))
    database.upgrade()
    yield database
    database.close()


def answers(database: Database) -> bool:
    try:
        database.ping()
    except Unavailable:
        return False
    return True


def disconnect_everybody(database: Database) -> None:
    """End all connections of the database but the one that asks."""
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with database._engine.begin() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))  # noqa: S608


def test_a_restarted_server_is_found_again_and_nothing_is_lost(
    own_server: PostgresServer, own_database: Database
) -> None:
    changes: Queue[Change] = Queue()
    own_database.changes.subscribe(changes.put, frozenset(ChangeKind))
    assert changes.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.RECONNECTED
    (job,) = submitted(own_database)

    own_server.stop(is_immediate=True)
    with pytest.raises(Unavailable):
        submitted(own_database)
    own_server.start()

    wait_until(lambda: answers(own_database), timeout_seconds=PATIENCE_SECONDS, what="the database answers")
    assert read(own_database, job.id) == job
    while changes.get(timeout=PATIENCE_SECONDS).kind is not ChangeKind.RECONNECTED:
        pass
    claimed(own_database, [job.id])
    assert changes.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.JOBS, (job.id,))


def test_connections_closed_while_idle_are_replaced_unnoticed(database: Database) -> None:
    with database.reading(), database.reading(), database.reading():
        pass  # three connections lie in the pool now

    disconnect_everybody(database)

    for _ in range(5):
        submitted(database)


def test_a_connection_lost_in_a_transaction_is_a_retryable_error(database: Database) -> None:
    new = JobBuilder().build()

    def submit_after_the_connection_was_lost() -> None:
        with database.transaction() as transaction:
            transaction.jobs.count_by_status(None)
            disconnect_everybody(database)
            transaction.jobs.submit([new])

    with pytest.raises(Unavailable):
        submit_after_the_connection_was_lost()

    database.ping()


def test_a_statement_that_takes_too_long_is_a_retryable_error(upgraded_database_url: str, database: Database) -> None:
    settings = postgres_settings(upgraded_database_url).model_copy(update={"database_timeout_seconds": 0.1})
    impatient = Database.open(settings)
    (job,) = submitted(database)

    def claim_what_is_locked() -> None:
        with database.transaction() as transaction:
            transaction.jobs.fail_waiting("aer", Reason.PLUGIN_UNAVAILABLE, "it was removed")
            claimed(impatient, [job.id])

    with pytest.raises(Unavailable, match="timeout"):
        claim_what_is_locked()
    impatient.close()


def test_a_server_that_is_not_there_is_a_retryable_error() -> None:
    database = Database.open(postgres_settings("postgresql+psycopg://nobody:secret@127.0.0.1:1/none"))

    with pytest.raises(Unavailable) as refusal:
        database.ping()

    assert "secret" not in str(refusal.value)
    database.close()


def test_a_feed_without_a_server_can_be_closed() -> None:
    database = Database.open(postgres_settings("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    database.changes.subscribe(lambda _: None, {ChangeKind.WORK})

    database.close()
