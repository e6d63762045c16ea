"""The administrator's first key: somebody has to be let in before anybody can make keys."""

from typing import Final

from database.database import Database
from database.records import NewKey
from qserver.access.keys import PREFIX, hash_key, is_long_enough
from qserver.errors import SettingsError
from qserver.identity import EVERYTHING, Role

ADMIN: Final = "admin"
_KEY_NAME: Final = "first key"


def check_admin_key(key: str) -> None:
    """Look before anything is changed. Raises SettingsError for one that could be guessed, without showing it."""
    if key and not is_long_enough(key):
        raise SettingsError(
            f"QSERVER_ADMIN_KEY must be {PREFIX} and at least 32 random characters; `make env` makes one"
        )


def store_admin_key(database: Database, key: str) -> bool:
    """Make sure of the user `admin` and of this key, in the place of an earlier one; gives whether it is new.

    An empty one changes nothing. Safe to repeat.
    """
    if not key:
        return False
    with database.transaction() as transaction:
        admin = transaction.users.ensure(ADMIN, Role.ADMIN)
        return transaction.keys.replace_named(NewKey(hash_key(key), admin.id, _KEY_NAME, EVERYTHING))
