"""Engines: one way to open Postgres and one to open SQLite, both with every wait bounded."""

import select
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.array import ListBinaryDumper
from psycopg.types.string import StrBinaryDumper
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from database.client_tls import ask_for_server_name, read_client_tls, tls_parameters
from database.types import SQLITE_CLOCK, write_json
from qserver.errors import SettingsError
from qserver.settings import DatabaseSettings

APPLICATION_NAME: Final = "qserver"
READ_ONLY: Final = "qserver_read_only"
"""Execution option of a connection that only reads: on SQLite it doesn't queue for the write lock."""
HASTY: Final = "qserver_hasty"
"""Execution option of a connection whose commits needn't be on disk when they return: on SQLite they don't sync."""

_SYNCHRONOUS: Final = "qserver_synchronous"  # what a connection's pragma of that name was set to last


class _PostgresConnection(Protocol):
    """The part of psycopg's connection that the liveness check needs."""

    def fileno(self) -> int: ...


def create_database_engine(settings: DatabaseSettings) -> Engine:
    """Make an engine; it connects when first used. Raises SettingsError for a URL that is neither engine's."""
    url = parse_url(settings)
    if url.get_backend_name() == "sqlite":
        return _create_sqlite_engine(url, settings)
    return _create_postgres_engine(url, settings)


def parse_url(settings: DatabaseSettings) -> URL:
    """Read the URL. Raises SettingsError, which names no secret."""
    try:
        url = make_url(settings.database_url.get_secret_value())
    except ArgumentError:
        raise SettingsError("QSERVER_DATABASE_URL is no SQLAlchemy URL") from None
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"postgresql+psycopg", "sqlite", "sqlite+pysqlite"}:
        raise SettingsError(f"QSERVER_DATABASE_URL names {url.drivername}; postgresql+psycopg and sqlite are served")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise SettingsError("QSERVER_DATABASE_URL names SQLite in memory, which threads can't share; name a file")
    if url.get_backend_name() == "sqlite":
        return url
    return url.set(
        username=settings.database_user or url.username,
        password=settings.database_password.get_secret_value() or url.password,
    )


def _create_postgres_engine(url: URL, settings: DatabaseSettings) -> Engine:
    tls = read_client_tls(settings)
    milliseconds = int(settings.database_timeout_seconds * 1000)
    parameters = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds * 6,
        "timezone": "UTC",
        # Plans are kept by a connection, those of foreign keys too. One made while a table was small would read the
        # whole of it for each row when it is large. Every statement of ours has its index.
        "enable_seqscan": "off",
        "jit": "off",
    }
    engine = create_engine(
        url,
        hide_parameters=True,  # they are circuits, and errors are logged
        json_serializer=write_json,
        # Statements as the server reads them: psycopg looks through any other, the longest ones each time.
        paramstyle="numeric_dollar",
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_timeout_seconds,
        pool_use_lifo=True,
        connect_args={
            "cursor_factory": psycopg.RawCursor,
            "application_name": APPLICATION_NAME,
            "connect_timeout": max(2, int(settings.database_timeout_seconds)),
            "options": " ".join(f"-c {name}={value}" for name, value in parameters.items()),
            # A server that vanished without a word is noticed in about a minute.
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": milliseconds * 3,
            **(tls_parameters(tls) if tls else {}),
        },
    )
    if tls and tls.server_name:
        ask_for_server_name(engine, url, tls.server_name)
    event.listen(engine, "connect", _send_arrays_in_binary)
    event.listen(engine, "checkout", _refuse_closed_connection)
    return engine


def _send_arrays_in_binary(connection: psycopg.Connection, record: ConnectionPoolEntry) -> None:
    """Send arrays in the binary form: in the other a regular expression escapes each quote of each document."""
    del record
    connection.adapters.register_dumper(str, StrBinaryDumper)
    connection.adapters.register_dumper(list, ListBinaryDumper)


def _refuse_closed_connection(
    dbapi_connection: object, record: ConnectionPoolEntry, proxy: object
) -> None:  # the pool's own signature
    """Let the pool replace a connection whose server went away while it lay idle.

    An idle connection with something to read has been told its end: asking the kernel costs microseconds, where
    `pool_pre_ping` would cost a round trip each time.
    """
    del record, proxy
    poller = select.poll()
    poller.register(cast("_PostgresConnection", dbapi_connection).fileno(), select.POLLIN | select.POLLHUP)
    if poller.poll(0):
        raise DisconnectionError("the server closed an idle connection")


@contextmanager
def committed_at_once(connection: Connection) -> Iterator[None]:
    """Have the one statement of the block be a transaction by itself, unless one is under way. For PostgreSQL."""
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    if driver.info.transaction_status is not TransactionStatus.IDLE:
        yield
        return
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:  # else the pool lets go of it
            driver.autocommit = False


def _create_sqlite_engine(url: URL, settings: DatabaseSettings) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # they are circuits, and errors are logged
        json_serializer=write_json,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_timeout_seconds,
        connect_args={"timeout": settings.database_timeout_seconds, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    del record
    connection.isolation_level = None  # transactions begin in `_begin_sqlite`, never by the driver's guess
    connection.create_function(SQLITE_CLOCK, 0, lambda: time.time_ns() // 1000)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes later could fail half-way."""
    options = connection.get_execution_options()
    if options.get(READ_ONLY, False):
        connection.exec_driver_sql("BEGIN")
        return
    _set_synchronous(connection, "NORMAL" if options.get(HASTY, False) else "FULL")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set_synchronous(connection: Connection, level: str) -> None:
    """Say whether commits are on disk when they return (FULL), or with the next that is (NORMAL), in the same order."""
    if connection.info.get(_SYNCHRONOUS, "FULL") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.info[_SYNCHRONOUS] = level
