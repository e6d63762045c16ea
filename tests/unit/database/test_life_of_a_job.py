"""The life of a job, in any order of events, on SQLite. PostgreSQL's turn is in tests/integration/database."""

import shutil
import sqlite3
from itertools import count
from pathlib import Path

from sqlalchemy import event

from database import Database
from tests.unit.database.conftest import sqlite_settings
from tests.unit.database.contract.life import check_life_of_jobs


def do_not_wait_for_the_disk(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.execute("PRAGMA synchronous=OFF")


def test_no_order_of_events_loses_a_job_or_leaves_an_illegal_state(migrated_file: Path, tmp_path: Path) -> None:
    numbers = count()

    def open_empty_database() -> Database:
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copy(migrated_file, path)
        database = Database.open(sqlite_settings(path))
        event.listen(database._engine, "connect", do_not_wait_for_the_disk)
        return database

    check_life_of_jobs(open_empty_database, examples=30)
