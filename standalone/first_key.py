"""The administrator's key of a standalone server, which nobody has prepared: made once, kept in the data folder."""

import os
from pathlib import Path
from typing import Final

from database import Database
from database.admin_key import check_admin_key, is_admin_key, store_admin_key
from qserver.access.keys import is_long_enough, make_key
from qserver.errors import SettingsError
from qserver.settings import AccessSettings

FILE_NAME: Final = "admin-key"


class FirstKey:
    """The key of QSERVER_ADMIN_KEY, else the one in the file, else a new one that is written there with mode 600."""

    def __init__(self, settings: AccessSettings, data_folder: Path) -> None:
        """Take what settings say. Raises SettingsError for a key that could be guessed."""
        given = settings.admin_key.get_secret_value()
        check_admin_key(given)
        is_required = settings.auth == "required"
        self.key = given if is_required else ""
        self.path = data_folder / FILE_NAME if is_required and not given else None

    def store(self, database: Database) -> None:
        """Find or make the key, and let it in. Needs the data folder. Raises OSError where that can't be written.

        Raises SettingsError where the key of the file is none, or is good no more.
        """
        if self.path is None:
            store_admin_key(database, self.key)
            return
        self.key = _read_or_make(self.path)
        if not is_long_enough(self.key):
            raise SettingsError(f"{self.path} holds no key; remove it, and the next start makes a new one")
        store_admin_key(database, self.key)
        if not is_admin_key(database, self.key):
            raise SettingsError(
                f"the key in {self.path} was revoked or replaced; remove the file, and the next start makes a new one"
            )


def _read_or_make(path: Path) -> str:
    if path.exists():
        return path.read_text().strip()
    key, unfinished = make_key(), path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    return key
