"""The change feed between processes: NOTIFY inside the transaction, one LISTEN connection a process that subscribes."""

import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from selectors import EVENT_READ, DefaultSelector
from typing import Final, cast
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    String,
    Text,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import SQLAlchemyError

from database.changes import Callback, Change, ChangeKind, Subscribers, Subscription

_log = structlog.get_logger(__name__)

CHANNEL: Final = "qserver_changes"
MAX_PAYLOAD_BYTES: Final = 7_900
"""Postgres takes less than 8,000."""

_JOBS_A_PAYLOAD: Final = (MAX_PAYLOAD_BYTES - len("reconnected:")) // len(f",{UUID(int=0)}")
_NOTIFY: Final = select(
    func.count(
        func.pg_notify(CHANNEL, func.unnest(bindparam("payloads", type_=ARRAY(String))).column_valued("payload"))
    )
)
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 5.0


class PostgresFeed:
    """A feed through the database. Its thread and connection begin with the first subscriber.

    RECONNECTED is told each time the connection is made, the first time too: a subscriber may be older than it.
    """

    def __init__(self, engine: Engine) -> None:
        """Listen through a connection made like the engine's own, but not of its pool."""
        self._engine = engine
        self._subscribers = Subscribers()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._wake_reader, self._wake_writer = socket.socketpair()

    def subscribe(self, callback: Callback) -> Subscription:
        """Call `callback` for each change from now on."""
        subscription = self._subscribers.add(callback)
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="change-feed", daemon=True)
                self._thread.start()
        return subscription

    def before_commit(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Notify: Postgres delivers when the transaction commits, and never if it doesn't."""
        payloads = [payload for change in changes for payload in encode_change(change)]
        if payloads:
            connection.execute(_NOTIFY, {"payloads": payloads})

    def after_commit(self, changes: Sequence[Change]) -> None:
        """Do nothing: Postgres tells."""

    def close(self) -> None:
        """End thread and connection. Safe to repeat."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        self._wake_writer.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._wake_reader.close()

    def _run(self) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._closed.is_set():
            try:
                with closing(self._connect()) as connection:
                    pause_seconds = _FIRST_PAUSE_SECONDS
                    self._listen(connection)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                _log.warning("change_feed_lost", error=str(error).partition("\n")[0], retry_seconds=pause_seconds)
                self._closed.wait(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _connect(self) -> psycopg.Connection:
        pooled = self._engine.raw_connection()
        connection = cast("psycopg.Connection", pooled.dbapi_connection)
        pooled.detach()
        connection.autocommit = True
        return connection

    def _listen(self, connection: psycopg.Connection) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._subscribers.tell(Change(ChangeKind.RECONNECTED))
        with DefaultSelector() as selector:
            selector.register(connection, EVENT_READ)
            selector.register(self._wake_reader, EVENT_READ)
            while not self._closed.is_set():
                for notification in connection.notifies(timeout=0):
                    self._tell(notification.payload)
                selector.select()

    def _tell(self, payload: str) -> None:
        change = decode_change(payload)
        if change is None:
            _log.warning("change_feed_word_unknown", payload=payload[:40])
        else:
            self._subscribers.tell(change)


def telling(kind: ChangeKind) -> ColumnElement[object]:
    """Give what notifies of a change that names no jobs, in the statement that makes it."""
    return func.pg_notify(CHANNEL, f"{kind}:")


def select_told(kind: ChangeKind, changed: FromClause) -> Select[tuple[object, ...]]:
    """Select what notifies of the jobs `changed` by their column `id`, in the statement that changes them.

    A row for each payload, as `encode_change` writes them; none where no job was changed.
    """
    part = (func.row_number().over() - 1) // _JOBS_A_PAYLOAD
    words = select(sql_cast(changed.c.id, Text).label("word"), part.label("part")).subquery("words")
    payload = func.concat(f"{kind}:", func.string_agg(words.c.word, literal(",")))
    return select(func.pg_notify(CHANNEL, payload).label("told")).group_by(words.c.part)


def encode_change(change: Change) -> Iterator[str]:
    """Write a change as payloads: the kind, a colon, ids parted by commas."""
    words = [str(job_id) for job_id in change.job_ids]
    for chunk in _chunks(words) if words else [()]:
        yield f"{change.kind}:{','.join(chunk)}"


def _chunks(words: Sequence[str]) -> Iterable[Sequence[str]]:
    return (words[start : start + _JOBS_A_PAYLOAD] for start in range(0, len(words), _JOBS_A_PAYLOAD))


def decode_change(payload: str) -> Change | None:
    """Read a payload back; None for one that another version wrote."""
    kind, _, words = payload.partition(":")
    try:
        return Change(ChangeKind(kind), tuple(UUID(hex=word) for word in words.split(",") if word))
    except ValueError:
        return None
