"""A database of the test's own, on SQLite."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from database import Database
from qserver.settings import DatabaseSettings


def sqlite_settings(path: Path) -> DatabaseSettings:
    # Some tests have 32 writers, and machines are crowded.
    return DatabaseSettings.model_validate({"database_url": f"sqlite:///{path}", "database_timeout_seconds": 60})


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded database without jobs, to be copied: upgrading takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "qserver.db"
    database = Database.open(sqlite_settings(path))
    database.upgrade()
    database.close()
    return path


@pytest.fixture
def database_settings(tmp_path: Path) -> DatabaseSettings:
    return sqlite_settings(tmp_path / "qserver.db")


@pytest.fixture
def database(database_settings: DatabaseSettings, migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copy(migrated_file, tmp_path / "qserver.db")
    database = Database.open(database_settings)
    yield database
    database.close()
