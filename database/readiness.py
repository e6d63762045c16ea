"""Whether the database can be worked with: its tables are those of this version, it takes writes, its disk has room."""

import time
from typing import Final

from sqlalchemy import Connection, Engine, text

from database import migrate
from database.faults import REMEDY
from qserver.errors import Unavailable

ROOM_IS_BELIEVED_SECONDS: Final = 5.0
"""How long it is believed that there is room: whoever likes may ask for readiness, as often as they like."""

_VERSION: Final = text("SELECT version_num FROM alembic_version")
"""Without Alembic, which would look for the table first, and log each time that it did."""
_TAKES_NO_WRITES: Final = text("SELECT current_setting('transaction_read_only') = 'on'")
_LITTLE_MEMORY: Final = text("SET LOCAL work_mem = '64kB'")
_WRITE_A_FILE: Final = text("SELECT count(*) FROM unnest(array_fill(repeat('x', 1000), ARRAY[200]))")
"""More than fits into that memory: PostgreSQL puts it into a temporary file, on the disk of the tables by default.

Rows prove nothing: on a full disk there may still be room for some in the files that are there.
"""


class Readiness:
    """Looks at one database. Thread-safe."""

    def __init__(self, engine: Engine, reading_engine: Engine) -> None:
        """Look when asked."""
        self._engine = engine
        self._reading_engine = reading_engine
        self._is_postgres = engine.dialect.name == "postgresql"
        self._had_room_at = -ROOM_IS_BELIEVED_SECONDS

    def require(self) -> None:
        """Raise Unavailable, with what is missing and what to do about it, unless jobs can be stored."""
        with self._reading_engine.connect() as connection, connection.begin():
            _require_tables(connection)
            if self._is_postgres and connection.execute(_TAKES_NO_WRITES).scalar_one():
                raise Unavailable("the database takes no writes: it is read-only, a copy of another maybe")
        if self._is_postgres and time.monotonic() - self._had_room_at >= ROOM_IS_BELIEVED_SECONDS:
            self._require_room()
            self._had_room_at = time.monotonic()

    def _require_room(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(_LITTLE_MEMORY)
            connection.execute(_WRITE_A_FILE)


def _require_tables(connection: Connection) -> None:
    """Newer tables are as good: a service goes on while those after it are upgraded."""
    version = connection.execute(_VERSION).scalar()
    if version is None or version in migrate.earlier_versions():
        there = "there are none" if version is None else f"they are at version {version}"
        raise Unavailable(f"the database's tables are not those of this version ({there}): {REMEDY}")
