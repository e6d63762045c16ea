"""The same history of migrations, on PostgreSQL."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from database import Database, migrate
from qserver.errors import QServerError
from tests.integration.database.conftest import postgres_settings
from tests.unit.database.builders import a_finished_job, read
from tests.unit.database.old_versions import check_keys_of_nobody_end


@pytest.fixture
def empty(postgres_database_url: str) -> Iterator[Database]:
    """A database without tables."""
    database = Database.open(postgres_settings(postgres_database_url))
    yield database
    database.close()


def test_the_tables_are_those_of_the_models(database: Database) -> None:
    migrate.check(database._engine)


def test_a_migration_can_be_taken_back_and_made_again(empty: Database) -> None:
    empty.upgrade()

    migrate.downgrade(empty._engine)
    gone = migrate.current(empty._engine)
    empty.upgrade()

    assert gone is None
    assert migrate.current(empty._engine) == "0008"


def test_upgrading_keeps_what_is_there(empty: Database) -> None:
    empty.upgrade()
    job_id = a_finished_job(empty)

    empty.upgrade()

    assert read(empty, job_id).id == job_id


def test_an_upgrade_ends_the_keys_of_who_stands_for_requests_without_one(empty: Database) -> None:
    empty.upgrade()
    with empty.transaction() as transaction:
        transaction.users.ensure_anonymous()

    check_keys_of_nobody_end(empty)


def test_services_that_start_together_upgrade_one_after_the_other(empty: Database) -> None:
    failures: list[Exception] = []

    def upgrade() -> None:
        try:
            empty.upgrade()
        except Exception as error:  # noqa: BLE001 - told by the assertion
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_database_without_tables_is_named(empty: Database) -> None:
    with pytest.raises(QServerError, match="users"), empty.transaction() as transaction:
        transaction.users.ensure_anonymous()


def test_a_migration_gives_up_where_a_lock_is_held(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_LOCK_SECONDS", 0.05)
    empty.upgrade()

    with empty._engine.begin() as connection:
        connection.execute(text("SELECT count(*) FROM jobs"))
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.downgrade(empty._engine)
