"""Migrations, run by code: the same history for Postgres and SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from qserver.errors import QServerError

CONNECTION: Final = "connection"
"""Attribute of the configuration by which `migrations/env.py` gets its connection."""

# Any number that nobody else uses: services that start together migrate one after the other.
_ADVISORY_LOCK: Final = 0x5153_4552_5645_52
_LOCK_SECONDS: Final = 10
_STATEMENT_SECONDS: Final = 600


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest version, in one transaction. Safe to repeat, and beside another's call.

    Raises QServerError where a newer program has brought them further.
    """
    with _migrating(engine) as configuration:
        _refuse_newer(configuration)
        command.upgrade(configuration, "head")


def downgrade(engine: Engine) -> None:
    """Remove all tables, and what is in them."""
    with _migrating(engine) as configuration:
        command.downgrade(configuration, "base")


def check(engine: Engine) -> None:
    """Compare the tables with the models. Raises QServerError naming a difference."""
    with _migrating(engine) as configuration:
        try:
            command.check(configuration)
        except CommandError as error:
            raise QServerError(f"the database's tables are not those of the models: {error}") from error


def current(engine: Engine) -> str | None:
    """Give the version of the tables; None where there are none yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def _known_versions() -> tuple[str, ...]:
    """List the versions of this program, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions())


def earlier_versions() -> frozenset[str]:
    """Give the versions before this program's own."""
    return frozenset(_known_versions()[1:])


def _refuse_newer(configuration: Config) -> None:
    version = MigrationContext.configure(configuration.attributes[CONNECTION]).get_current_revision()
    if version is not None and version not in _known_versions():
        raise QServerError(
            f"the database's tables are at version {version}, which this program doesn't know: a newer one has been "
            "here. Run that one again, or restore a backup from before it"
        )


@contextmanager
def _migrating(engine: Engine) -> Iterator[Config]:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            _bound_waits(connection)
        configuration = _configuration()
        configuration.attributes[CONNECTION] = connection
        yield configuration


def _configuration() -> Config:
    configuration = Config(stdout=StringIO())  # what there is to say is returned or raised
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return configuration


def _bound_waits(connection: Connection) -> None:
    """Wait for another migration as long as one may take, but for a lock that queries hold only shortly."""
    connection.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{_STATEMENT_SECONDS}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    # A migration that waits for a lock makes everybody behind it wait too.
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
