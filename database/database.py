"""The door to the database: transactions, migrations, changes."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Self

from sqlalchemy import Engine, text

from database import migrate
from database.changes import ChangeFeed, MemoryFeed
from database.engine import HASTY, READ_ONLY, create_database_engine
from database.faults import translated_errors
from database.postgres_feed import PostgresFeed
from database.readiness import Readiness
from database.roles import grant_roles
from database.transaction import Transaction
from database.work import Work
from database.write_lock import WriteLock
from qserver.settings import DatabaseSettings, RoleSettings


class Database:
    """One database. Usable from any number of threads; each transaction belongs to the thread that opened it."""

    def __init__(self, engine: Engine, feed: ChangeFeed, write_lock: WriteLock | None = None) -> None:
        """Work on an engine; `open` makes one."""
        self._engine = engine
        self._turn_to_write = nullcontext if write_lock is None else write_lock.held
        self.changes = feed
        # Postgres gives each statement its own snapshot either way, so reads do without BEGIN and COMMIT: two round
        # trips less. SQLite needs a transaction for a snapshot, and takes no write lock for it.
        is_postgres = engine.dialect.name == "postgresql"
        options = {"isolation_level": "AUTOCOMMIT"} if is_postgres else {READ_ONLY: True}
        self._reading_engine = engine.execution_options(**options)
        self._readiness = Readiness(engine, self._reading_engine)
        self._hasty_engine = engine if is_postgres else engine.execution_options(**{HASTY: True})

    @classmethod
    def open(cls, settings: DatabaseSettings) -> Self:
        """Open by settings; connects when first used. Raises SettingsError for a URL that can't be served."""
        engine = create_database_engine(settings)
        if engine.dialect.name == "postgresql":
            return cls(engine, PostgresFeed(engine))
        return cls(engine, MemoryFeed(), WriteLock(timeout_seconds=settings.database_timeout_seconds))

    @contextmanager
    def transaction(self, *, of_one_call: bool = False, waits_for_disk: bool = True) -> Iterator[Transaction]:
        """Give a transaction that commits at the end of the block and rolls back where the block raises.

        Raises Unavailable when the database can't be reached or doesn't answer in time. Changes are announced once
        they are committed.

        A block `of_one_call` to a repository lets that call commit what is whole by itself as soon as it is done, which
        saves PostgreSQL two exchanges.

        Without `waits_for_disk` what it does may be lost, as a whole, where the machine fails just after it: for claims
        and marks, whose statements tell PostgreSQL so themselves (`durability.py`). SQLite must know it from the start.
        """
        engine = self._engine if waits_for_disk else self._hasty_engine
        with self._turn_to_write(), translated_errors(), engine.connect() as connection:
            with connection.begin():
                work = Work(connection, commits_at_once=of_one_call)
                yield Transaction(work)
                changes = work.announcements()
                self.changes.before_commit(connection, changes)
            self.changes.after_commit(changes)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction that may only read: cheaper than `transaction`, and it never waits for a writer.

        On Postgres each statement sees what was committed before it, on SQLite all of them see the same moment.
        """
        with translated_errors(), self._reading_engine.connect() as connection, connection.begin():
            yield Transaction(Work(connection))

    def upgrade(self) -> None:
        """Bring the tables to the newest version and make sure of the user `anonymous`. Safe to repeat.

        Several services may call it at once: one of them migrates, the others wait for it.
        """
        with translated_errors():
            migrate.upgrade(self._engine)
        with self.transaction() as transaction:
            transaction.users.ensure_anonymous()

    def grant_roles(self, settings: RoleSettings) -> tuple[str, ...]:
        """Make the roles that the settings name; gives their names. Only who owns the tables can. Safe to repeat."""
        with translated_errors():
            return grant_roles(self._engine, settings)

    def ping(self) -> None:
        """Make one round trip. Raises Unavailable."""
        with translated_errors(), self._reading_engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def require_ready(self) -> None:
        """Raise Unavailable, with what is missing, unless jobs can be stored and run: see `database.readiness`.

        Only who owns the tables, or works on all of them, may ask.
        """
        self.ping()
        with translated_errors():
            self._readiness.require()

    def close(self) -> None:
        """End the feed and close all connections. Safe to repeat."""
        self.changes.close()
        self._engine.dispose()
