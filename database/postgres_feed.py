"""The change feed between processes: NOTIFY inside the transaction, one LISTEN connection a process that subscribes.

Each kind of change has a channel of its own, and a process listens to those that its subscribers want.
"""

import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
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
from sqlalchemy.exc import SQLAlchemyError

from database.arrays import Array
from database.changes import Callback, Change, ChangeKind, Subscribers, Subscription

_log = structlog.get_logger(__name__)

CHANNEL_PREFIX: Final = "qserver_"
MAX_PAYLOAD_BYTES: Final = 7_900
"""Postgres takes less than 8,000."""

_JOBS_A_PAYLOAD: Final = MAX_PAYLOAD_BYTES // len(f",{UUID(int=0)}")
_TOLD: Final = (
    func.unnest(bindparam("channels", type_=Array(String())), bindparam("payloads", type_=Array(String())))
    .table_valued("channel", "payload", name="told")
    .render_derived()
)
_NOTIFY: Final = select(func.count(func.pg_notify(_TOLD.c.channel, _TOLD.c.payload)))
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 5.0


class PostgresFeed:
    """A feed through the database. Its thread and connection begin with the first subscriber.

    RECONNECTED is told each time the connection is made, the first time too, and to the first who wants changes of a
    kind once they are listened to: a subscriber may be older than that.
    """

    def __init__(self, engine: Engine) -> None:
        """Listen through a connection made like the engine's own, but not of its pool."""
        self._engine = engine
        self._subscribers = Subscribers(on_change=self._wake)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)

    def subscribe(self, callback: Callback, kinds: Iterable[ChangeKind]) -> Subscription:
        """Call `callback` for each change of these kinds from now on, and for RECONNECTED."""
        subscription = self._subscribers.add(callback, kinds)
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="change-feed", daemon=True)
                self._thread.start()
        return subscription

    def _wake(self) -> None:
        with self._lock, suppress(BlockingIOError):  # it has been woken often enough
            if not self._closed.is_set():
                self._wake_writer.send(b"w")

    def before_commit(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Notify: Postgres delivers when the transaction commits, and never if it doesn't."""
        told = [(channel_of(change.kind), payload) for change in changes for payload in encode_ids(change.job_ids)]
        if told:
            channels, payloads = zip(*told, strict=True)
            connection.execute(_NOTIFY, {"channels": list(channels), "payloads": list(payloads)})

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
        while not self._closed.is_set():
            try:
                with closing(self._connect()) as connection:
                    self._listen(connection)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                first_line = str(error).partition("\n")[0]
                _log.warning("change_feed_lost", error=first_line, retry_seconds=self._pause_seconds)
                self._closed.wait(self._pause_seconds)
                self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _connect(self) -> psycopg.Connection:
        pooled = self._engine.raw_connection()
        connection = cast("psycopg.Connection", pooled.dbapi_connection)
        pooled.detach()
        connection.autocommit = True
        return connection

    def _listen(self, connection: psycopg.Connection) -> None:
        heard: frozenset[ChangeKind] = frozenset()
        with DefaultSelector() as selector:
            selector.register(connection, EVENT_READ)
            selector.register(self._wake_reader, EVENT_READ)
            while not self._closed.is_set():
                heard = self._listen_to_wanted(connection, heard)
                self._pause_seconds = _FIRST_PAUSE_SECONDS  # not before: a copy of another database refuses LISTEN
                for notification in connection.notifies(timeout=0):
                    self._tell(notification)
                selector.select()
                with suppress(BlockingIOError):
                    self._wake_reader.recv(4096)

    def _listen_to_wanted(self, connection: psycopg.Connection, heard: frozenset[ChangeKind]) -> frozenset[ChangeKind]:
        wanted = self._subscribers.kinds()
        statements = [f"LISTEN {channel_of(kind)}" for kind in wanted - heard]
        statements += [f"UNLISTEN {channel_of(kind)}" for kind in heard - wanted]
        if statements:
            connection.execute(";".join(statements).encode())
            self._subscribers.tell_reconnected(wanted - heard)
        return wanted

    def _tell(self, notification: psycopg.Notify) -> None:
        change = decode_change(notification.channel, notification.payload)
        if change is None:
            _log.warning("change_feed_word_unknown", channel=notification.channel, payload=notification.payload[:40])
        else:
            self._subscribers.tell(change)


def channel_of(kind: ChangeKind) -> str:
    """Name the channel that changes of a kind are told on."""
    return f"{CHANNEL_PREFIX}{kind}"


def telling(kind: ChangeKind) -> ColumnElement[object]:
    """Give what notifies of a change that names no jobs, in the statement that makes it."""
    return func.pg_notify(channel_of(kind), "")


def select_told(kind: ChangeKind, changed: FromClause) -> Select[tuple[object, ...]]:
    """Select what notifies of the jobs `changed` by their column `id`, in the statement that changes them.

    A row for each payload, as `encode_ids` writes them; none where no job was changed.
    """
    part = (func.row_number().over() - 1) // _JOBS_A_PAYLOAD
    words = select(sql_cast(changed.c.id, Text).label("word"), part.label("part")).subquery("words")
    payload = func.string_agg(words.c.word, literal(","))
    return select(func.pg_notify(channel_of(kind), payload).label("told")).group_by(words.c.part)


def encode_ids(job_ids: Sequence[UUID]) -> Iterator[str]:
    """Write ids as payloads, parted by commas; one that is empty where there are none."""
    words = [str(job_id) for job_id in job_ids]
    for start in range(0, len(words), _JOBS_A_PAYLOAD) if words else [0]:
        yield ",".join(words[start : start + _JOBS_A_PAYLOAD])


def decode_change(channel: str, payload: str) -> Change | None:
    """Read a notification back; None for one that another version wrote."""
    try:
        kind = ChangeKind(channel.removeprefix(CHANNEL_PREFIX))
        return Change(kind, tuple(UUID(hex=word) for word in payload.split(",") if word))
    except ValueError:
        return None
