"""How a database is opened, and what is said when that fails."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from database import Database
from database.engine import create_database_engine, parse_url
from qserver.errors import SettingsError, Unavailable
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from qserver.settings import DatabaseSettings
from tests.unit.database.builders import JobBuilder, claimed, submitted


def settings(url: str, **values: object) -> DatabaseSettings:
    return DatabaseSettings.model_validate({"database_url": url, **values})


@pytest.mark.parametrize("url", ["postgres://a:b@c/d", "postgresql://a:b@c/d", "postgresql+psycopg://a:b@c/d"])
def test_every_spelling_of_postgres_means_one_driver(url: str) -> None:
    assert parse_url(settings(url)).drivername == "postgresql+psycopg"


def test_user_and_password_of_their_own_replace_those_of_the_url() -> None:
    password = "f@/:%g"  # noqa: S105 - nobody has it

    url = parse_url(settings("postgresql://a:b@c/d", database_user="e", database_password=password))

    assert (url.username, url.password, url.host) == ("e", password, "c")


@pytest.mark.parametrize("url", ["mysql://root:secret@c/d", "postgresql+psycopg2://a:secret@c/d", "secret"])
def test_another_database_is_refused_and_no_secret_told(url: str) -> None:
    with pytest.raises(SettingsError, match="QSERVER_DATABASE_URL") as refusal:
        create_database_engine(settings(url))

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_in_memory_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="name a file"):
        create_database_engine(settings(url))


def test_sqlite_is_safe_against_power_cuts(database: Database) -> None:
    with database._engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_on_sqlite_a_transaction_says_whether_its_commit_waits_for_the_disk(database: Database) -> None:
    levels = []
    for waits_for_disk in (False, True, False, False, True):
        with database.transaction(waits_for_disk=waits_for_disk) as transaction:
            levels.append(transaction.jobs._work.execute(text("PRAGMA synchronous")).scalar())

    assert levels == [1, 2, 1, 1, 2]  # NORMAL, FULL


def test_a_database_that_is_not_there_is_a_retryable_error(tmp_path: Path) -> None:
    database = Database.open(settings(f"sqlite:///{tmp_path}/missing/qserver.db"))

    with pytest.raises(Unavailable, match="unable to open"):
        database.ping()


def test_too_few_connections_are_a_retryable_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/qserver.db"
    database = Database.open(settings(url, database_pool_size=1, database_timeout_seconds=0.01))

    with database.reading(), pytest.raises(Unavailable, match="QSERVER_DATABASE_POOL_SIZE"):
        database.ping()
    database.close()


def test_a_writer_that_waits_too_long_gets_a_retryable_error(database: Database, tmp_path: Path) -> None:
    impatient = Database.open(settings(f"sqlite:///{tmp_path}/qserver.db", database_timeout_seconds=0.01))

    with database.transaction(), pytest.raises(Unavailable, match="locked"):
        submitted(impatient)
    impatient.close()


def test_many_threads_share_one_file(database: Database) -> None:
    job_ids = [job.id for job in submitted(database, *[JobBuilder()] * 40)]
    taken: list[object] = []

    def claim_all() -> None:
        for job_id in job_ids:
            taken.extend(claim.job.id for claim in claimed(database, [job_id]))

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, taken)) == sorted(map(str, job_ids))
    with database.reading() as transaction:
        assert transaction.jobs.count_by_status(ANONYMOUS)[JobStatus.RUNNING] == 40
