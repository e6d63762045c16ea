"""The administrator's key of a server that nobody has prepared."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from database import Database
from database.directory import DatabaseDirectory
from qserver.access.keys import hash_key, make_key
from qserver.errors import SettingsError
from qserver.identity import Role
from qserver.settings import AccessSettings, DatabaseSettings
from standalone.first_key import FirstKey


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(DatabaseSettings.model_validate({"database_url": f"sqlite:///{tmp_path}/qserver.db"}))
    opened.upgrade()
    yield opened
    opened.close()


def access(**values: str) -> AccessSettings:
    return AccessSettings.model_validate({"auth": "required", **values})


def role_of(database: Database, key: str) -> Role | None:
    holder = DatabaseDirectory(database).find_key(hash_key(key))
    return None if holder is None else holder.identity.role


def test_it_is_made_once_and_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    first, second = FirstKey(access(), tmp_path), FirstKey(access(), tmp_path)
    first.store(database)
    second.store(database)

    assert first.key == second.key
    assert role_of(database, first.key) is Role.ADMIN
    assert first.path is not None
    assert first.path.read_text() == f"{first.key}\n"
    assert first.path.stat().st_mode & 0o777 == 0o600


def test_one_of_the_settings_is_written_nowhere(database: Database, tmp_path: Path) -> None:
    key = make_key()
    given = FirstKey(access(admin_key=key), tmp_path)
    given.store(database)

    assert role_of(database, key) is Role.ADMIN
    assert (given.key, given.path) == (key, None)
    assert not (tmp_path / "admin-key").exists()


@pytest.mark.parametrize("auth", ["off", "local"])
def test_where_nobody_is_asked_there_is_none(database: Database, tmp_path: Path, auth: str) -> None:
    none = FirstKey(AccessSettings.model_validate({"auth": auth}), tmp_path)
    none.store(database)

    assert (none.key, none.path) == ("", None)
    with database.reading() as transaction:
        assert [user.name for user in transaction.users.list()] == ["anonymous"]


@pytest.mark.parametrize("key", ["secret", "qserver_short", "x" * 64])
def test_one_that_could_be_guessed_stops_the_server_and_is_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match="QSERVER_ADMIN_KEY must be qserver_ and at least 32") as caught:
        FirstKey(access(admin_key=key), tmp_path)

    assert key not in str(caught.value)


def test_one_that_was_revoked_stops_the_server_and_says_what_to_do(database: Database, tmp_path: Path) -> None:
    FirstKey(access(), tmp_path).store(database)
    FirstKey(access(admin_key=make_key()), tmp_path).store(database)  # takes its place

    with pytest.raises(SettingsError, match=r"admin-key was revoked or replaced; remove the file"):
        FirstKey(access(), tmp_path).store(database)
    (tmp_path / "admin-key").unlink()
    FirstKey(access(), tmp_path).store(database)


@pytest.mark.parametrize("text", ["", "hello", "qserver_short"])
def test_a_file_without_a_key_lets_nobody_in(database: Database, tmp_path: Path, text: str) -> None:
    (tmp_path / "admin-key").write_text(text)

    with pytest.raises(SettingsError, match="holds no key"):
        FirstKey(access(), tmp_path).store(database)
