"""Users and keys to test with."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from database import Database
from database.directory import DatabaseDirectory
from database.people_records import NewKey
from database.tables import api_keys
from qserver.access.directory import TokenHolder
from qserver.access.keys import hash_key, make_key
from qserver.identity import EVERYTHING, Identity, Role

ISSUER = "https://id.example.org"


def add_user(database: Database, name: str, role: Role = Role.USER) -> Identity:
    with database.transaction() as transaction:
        user = transaction.users.add(name, role)
    return Identity(user.id, user.name, user.role)


def add_key(database: Database, owner: Identity, name: str = "laptop", **changes: object) -> str:
    key = make_key()
    values: dict[str, object] = {"scopes": EVERYTHING, "expires_at": None, **changes}
    with database.transaction() as transaction:
        transaction.keys.add(NewKey(hash_key(key), owner.user_id, name, **values))  # type: ignore[arg-type]
    return key


def take_in(
    database: Database, subject: str, name: str, role: Role = Role.USER, *, issued_at: datetime | None = None
) -> Identity | None:
    """Let somebody in by a token that was issued now, or at a moment."""
    now = datetime.now(UTC)
    holder = TokenHolder(f"{ISSUER}|{subject}", name, role, issued_at or now, now + timedelta(hours=1))
    return DatabaseDirectory(database).take_in(holder)


def key_id_of(database: Database, name: str) -> UUID:
    """Give the id of the one key of this name, revoked or not."""
    with database._engine.connect() as connection:
        found: UUID = connection.execute(select(api_keys.c.id).where(api_keys.c.name == name)).scalar_one()
    return found


def are_alive(database: Database, *keys: str) -> list[bool]:
    """Tell of each key whether it lets anybody in."""
    directory = DatabaseDirectory(database)
    return [directory.find_key(hash_key(key)) is not None for key in keys]
