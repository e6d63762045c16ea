"""Databases as an earlier version left them, brought to the newest one."""

from uuid import UUID, uuid4

from alembic import command

from database import Database, migrate
from database.directory import DatabaseDirectory
from database.tables import api_keys, users
from qserver.access.keys import hash_key, make_key
from qserver.identity import ANONYMOUS


def take_back(database: Database, version: str) -> None:
    """Take all migrations back that came after a version."""
    with migrate._migrating(database._engine) as configuration:
        command.downgrade(configuration, version)


def check_keys_of_nobody_end(database: Database) -> None:
    """Check that a key that was made for `anonymous` before that was refused is revoked, and ada's is not."""
    take_back(database, "0006")
    ada = uuid4()
    with database._engine.begin() as connection:
        connection.execute(users.insert().values(id=ada, name="ada", role="user"))
    made = {owner: _old_key(database, owner) for owner in (ANONYMOUS.user_id, ada)}

    database.upgrade()

    directory = DatabaseDirectory(database)
    assert directory.find_key(hash_key(made[ANONYMOUS.user_id])) is None
    assert directory.find_key(hash_key(made[ada])) is not None
    with database.reading() as transaction:
        assert transaction.keys.list(ANONYMOUS, owner="anonymous") == []


def _old_key(database: Database, owner: UUID) -> str:
    key = make_key()
    row = {"id": uuid4(), "owner_id": owner, "name": "old", "key_hash": hash_key(key), "scopes": ["read", "submit"]}
    with database._engine.begin() as connection:
        connection.execute(api_keys.insert().values(row))
    return key
