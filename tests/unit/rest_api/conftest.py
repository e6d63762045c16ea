"""An application over SQLite."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from qserver.settings import DatabaseSettings, LimitSettings, RestApiSettings, Settings
from tests.unit.rest_api.site import Site, build_site, prepare_database


def _sqlite(path: Path) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def prepared_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database that is ready, to be copied: migrating anew for each test would take longer than it."""
    path = tmp_path_factory.mktemp("rest_api") / "prepared.db"
    prepare_database(_sqlite(path))
    return path


@pytest.fixture
def settings(tmp_path: Path, prepared_database: Path) -> Settings:
    """Settings with limits small enough to pass."""
    path = Path(shutil.copy(prepared_database, tmp_path))
    return Settings(
        database=_sqlite(path),
        limits=LimitSettings(max_call_bytes=20_000, max_upload_idle_seconds=0.2, max_upload_seconds=0.5),
        rest_api=RestApiSettings(event_streams=2, http_allowed_hosts=("localhost", "127.0.0.1", "[::1]")),
    )


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """An application, listening to its database's changes."""
    built = build_site(settings)
    built.services.event_hub.start()
    yield built
    await built.client.aclose()
    built.services.event_hub.close()
    built.database.close()


@pytest.fixture
async def narrow_site(settings: Settings) -> AsyncIterator[Site]:
    """An application whose jobs may have little metadata and few observables."""
    limits = LimitSettings(max_metadata_bytes=100, max_observable_terms=10)
    built = build_site(settings.model_copy(update={"limits": limits}))
    yield built
    await built.client.aclose()
    built.database.close()
