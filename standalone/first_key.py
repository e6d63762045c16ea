"""The administrator's key of a standalone server, which nobody has prepared: made once, kept in the data folder."""

import os
from pathlib import Path
from typing import Final

from database import Database
from database.admin_key import check_admin_key, store_admin_key
from qserver.access.keys import make_key
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
        """Find or make the key, and let it in. Needs the data folder. Raises OSError where that can't be written."""
        if self.path is not None:
            self.key = _read_or_make(self.path)
        store_admin_key(database, self.key)


def _read_or_make(path: Path) -> str:
    if path.exists():
        return path.read_text().strip()
    key = make_key()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")
    return key
