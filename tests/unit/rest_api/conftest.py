"""An application over SQLite."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from database.people_records import NewKey
from qserver.access.keys import hash_key, make_key
from qserver.identity import EVERYTHING, Role
from qserver.settings import AccessSettings, DatabaseSettings, LimitSettings, RestApiSettings, Settings
from tests.unit.rest_api.site import Site, build_site, prepare_database
from tests.unit.rest_api.town import Town


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
    limits = LimitSettings(max_metadata_bytes=100, max_noise_model_bytes=100, max_observable_terms=10)
    built = build_site(settings.model_copy(update={"limits": limits}))
    yield built
    await built.client.aclose()
    built.database.close()


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    """A site that asks for keys: root is its administrator, ada and eve are users, vic may only look."""
    access = AccessSettings.model_validate(
        {"auth": "required", "anonymous_from": "198.51.100.0/24", "key_failures_per_minute": 2, "max_keys_per_user": 3}
    )
    site = build_site(settings.model_copy(update={"access": access}))
    keys: dict[str, str] = {}
    with site.database.transaction() as transaction:
        for name, role in {"root": Role.ADMIN, "ada": Role.USER, "eve": Role.USER, "vic": Role.VIEWER}.items():
            keys[name] = make_key()
            user = transaction.users.add(name, role)
            transaction.keys.add(NewKey(hash_key(keys[name]), user.id, "first", EVERYTHING))
    yield Town(site, keys)
    await site.client.aclose()
    site.database.close()
