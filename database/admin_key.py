"""The administrator's first key: somebody has to be let in before anybody can make keys."""

from dataclasses import replace
from typing import Final

from database.database import Database
from database.people_records import ADMIN, FIRST_KEY, AuditAction, NewKey
from qserver.access.keys import PREFIX, hash_key, is_long_enough
from qserver.errors import SettingsError
from qserver.identity import ANONYMOUS, EVERYTHING, Role

_SETTINGS: Final = replace(ANONYMOUS, name="QSERVER_ADMIN_KEY")


def check_admin_key(key: str) -> None:
    """Look before anything is changed. Raises SettingsError for one that could be guessed, without showing it."""
    if key and not is_long_enough(key):
        raise SettingsError(
            f"QSERVER_ADMIN_KEY must be {PREFIX} and at least 32 random characters; `make env` makes one"
        )


def store_admin_key(database: Database, key: str) -> bool:
    """Make sure of the user `admin` and of this key, in the place of an earlier one; gives whether it is new.

    With an earlier one goes what administrators have that was made with it. A new one makes `admin` an administrator
    again, whatever became of them. An empty one, and one that was here before, change nothing. Safe to repeat. Raises
    Conflict where `admin` is somebody whom an issuer of tokens knows.
    """
    if not key:
        return False
    with database.transaction() as transaction:
        admin = transaction.users.ensure_admin(ADMIN)
        new = NewKey(hash_key(key), admin.id, FIRST_KEY, EVERYTHING)
        if transaction.keys.is_known(new.key_hash):
            return False
        # This is also the way back in for who has locked themselves out. It comes before the keys, as whoever makes a
        # key holds its owner, and then the key that it is made with.
        transaction.users.change(ADMIN, role=Role.ADMIN, is_disabled=False)
        replaced = transaction.keys.replace_named(new)
        if replaced is None:  # another service was quicker
            return False
        transaction.audit.record(_SETTINGS, AuditAction.KEY_ADDED, ADMIN, {"name": FIRST_KEY})
        for gone in replaced:
            transaction.audit.record(_SETTINGS, AuditAction.KEY_REVOKED, str(gone.id), gone.summary())
    return True


def is_admin_key(database: Database, key: str) -> bool:
    """Tell whether a key lets an administrator in."""
    with database.reading() as transaction:
        found = transaction.keys.find(hash_key(key))
    return found is not None and found.holder.identity.role is Role.ADMIN
