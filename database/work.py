"""What a repository works with inside one transaction: the connection, the dialect's differences, the announcements."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Final
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Insert,
    RowMapping,
    String,
    Table,
    all_,
    any_,
    bindparam,
    column,
    false,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import KeyedColumnElement

from database.arrays import Array
from database.changes import Change, ChangeKind
from database.engine import committed_at_once
from database.types import Now
from qserver.jobs import JobStatus

_KEPT_INSERTS: Final = 64

Parameters = dict[str, object]
Key = UUID | str | int | bytes

BeginInsert = Callable[[Table], postgresql.Insert] | Callable[[Table], sqlite.Insert]
"""Begins an INSERT that can say ON CONFLICT."""


class Work:
    """One transaction's connection. Repositories share it; nobody else sees it."""

    def __init__(self, connection: Connection, *, commits_at_once: bool = False) -> None:
        """Work on a connection whose transaction has begun. `commits_at_once` allows `execute_at_once` to do so."""
        self.execute: Final = connection.execute
        self.is_postgres: Final = connection.dialect.name == "postgresql"
        self._connection: Final = connection
        self._commits_at_once: Final = commits_at_once and self.is_postgres
        self.insert: Final[BeginInsert] = postgresql.insert if self.is_postgres else sqlite.insert
        self._announced: dict[ChangeKind, dict[UUID, None]] = {}

    def execute_at_once(self, statement: Executable, parameters: Parameters) -> Sequence[RowMapping]:
        """Run a statement that is whole by itself, and give its rows.

        Where that is allowed, and the statement is the transaction's first, it is committed before this returns.
        """
        with committed_at_once(self._connection) if self._commits_at_once else nullcontext():
            return self.execute(statement, parameters).mappings().all()

    def insert_rows(
        self, insert: Insert, rows: Sequence[Parameters], *, stamped: tuple[str, ...] = ()
    ) -> Sequence[RowMapping]:
        """Insert rows, at least one, that all name the same columns, by one statement; give what it returns.

        The columns `stamped` get the moment of the statement, by the database's clock.

        `insert` is best kept by who uses it: what is made of it is kept with it, and takes longer to make than to run.
        """
        if self.is_postgres:
            names = tuple(rows[0])
            result = self.execute(_from_arrays(insert, names, stamped), as_arrays("new", names, rows))
        else:
            result = self.execute(insert.values(dict.fromkeys(stamped, Now())) if stamped else insert, rows)
        return result.mappings().all() if result.returns_rows else ()

    def among(self, key: Column[Key], values: Sequence[Key]) -> ColumnElement[bool]:
        """Test whether a column's value is one of these; one parameter however many, so that plans are kept."""
        if not values:
            return false()
        if self.is_postgres:
            return key == any_(bindparam(None, list(values), type_=Array(key.type)))
        if isinstance(values[0], bytes):  # JSON knows no bytes
            return key.in_(values)
        return key.in_(select(func.json_each(as_json(values)).table_valued("value").c.value))

    def given(self, values: Sequence[UUID | str | int]) -> object:
        """Give the parameter of `is_given` its value."""
        return list(values) if self.is_postgres else as_json(values)

    def announce(self, kind: ChangeKind, job_ids: Sequence[UUID] = ()) -> None:
        """Tell everybody of a change, once the transaction is committed."""
        self._announced.setdefault(kind, {}).update(dict.fromkeys(job_ids))

    def announcements(self) -> Sequence[Change]:
        """List what is to be told, a change a kind."""
        return [Change(kind, tuple(job_ids)) for kind, job_ids in self._announced.items()]


def is_given(key: Column[Key], name: str, *, is_postgres: bool) -> ColumnElement[bool]:
    """Test whether a column's value is one of those that the parameter `name` will hold: for statements that are kept.

    Building a statement takes SQLAlchemy longer than PostgreSQL needs to run it for a lone job.
    """
    if is_postgres:
        return key == any_(bindparam(name, type_=Array(key.type)))
    return key.in_(select(func.json_each(bindparam(name, type_=String())).table_valued("value").c.value))


def is_not_given(key: KeyedColumnElement[Key], name: str, *, is_postgres: bool) -> ColumnElement[bool]:
    """Test whether a column's value is none of those that the parameter `name` will hold; true where it holds none."""
    if is_postgres:
        return key != all_(bindparam(name, type_=Array(key.type)))
    return key.not_in(select(func.json_each(bindparam(name, type_=String())).table_valued("value").c.value))


def status_is(column: KeyedColumnElement[str], *statuses: JobStatus) -> ColumnElement[bool]:
    """Compare with words that stand in the statement itself: with parameters no partial index could be chosen."""
    words: list[ColumnElement[str]] = [literal_column(f"'{status}'") for status in statuses]
    return column == words[0] if len(words) == 1 else column.in_(words)


def given_rows(name: str, columns: Iterable[KeyedColumnElement[object]]) -> FromClause:
    """Give the rows of `as_arrays` as a table of that name, with columns of these names and types. For PostgreSQL.

    Each column is one array: a parameter for each cell took longer to send, and longer to plan.
    """
    typed = [column(each.key, each.type) for each in columns]
    arrays = [bindparam(f"{name}_{each.name}", type_=Array(each.type)) for each in typed]
    return func.unnest(*arrays).table_valued(*typed).render_derived(name=name)


def as_arrays(name: str, columns: Iterable[str], rows: Sequence[Parameters]) -> Parameters:
    """Give the parameters of `given_rows`, where the rows name these columns."""
    return {f"{name}_{column}": [row[column] for row in rows] for column in columns}


@lru_cache(maxsize=_KEPT_INSERTS)
def _from_arrays(insert: Insert, names: tuple[str, ...], stamped: tuple[str, ...]) -> Insert:
    moments = (Now().label(name) for name in stamped)
    new = given_rows("new", [insert.table.c[name] for name in names])
    return insert.from_select((*names, *stamped), select(*new.c, *moments))


def as_json(values: Sequence[Key | Sequence[Key]]) -> str:
    """Write keys, or rows of them, as SQLite reads them: a UUID stands there as its digits alone."""
    return json.dumps(values, default=_digits)


def _digits(key: UUID) -> str:
    return key.hex
