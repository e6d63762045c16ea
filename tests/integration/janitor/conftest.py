"""A database of each kind, with jobs in it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from database import Database
from database.records import PluginKind, PluginRecord
from qserver.settings import DatabaseSettings, JanitorSettings, LogSettings, PluginSettings, Settings

SettingsMaker = Callable[..., Settings]


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'qserver.db'}"
    return str(request.getfixturevalue("postgres_database_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    patient = DatabaseSettings(database_url=SecretStr(database_url), database_timeout_seconds=60)
    database = Database.open(patient)
    database.upgrade()
    with database.transaction() as transaction:
        transaction.plugins.register(PluginRecord("aer", PluginKind.BUILT_IN, "1", datetime.now(UTC)), [])
    yield database
    database.close()


@pytest.fixture
def make_settings(database_url: str, tmp_path: Path) -> SettingsMaker:
    """Make settings that keep everything for ever, but for what is named."""
    kept = dict.fromkeys((name for name in JanitorSettings.model_fields if name.startswith("keep_")), 0)

    def make(**janitor: object) -> Settings:
        return Settings(
            database=DatabaseSettings(database_url=SecretStr(database_url)),
            logs=LogSettings(log_folder=tmp_path / "logs"),
            plugins=PluginSettings(plugin_folder=tmp_path / "plugins"),
            janitor=JanitorSettings.model_validate({**kept, **janitor}),
        )

    return make
