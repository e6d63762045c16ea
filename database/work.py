"""What a repository works with inside one transaction: the connection, the dialect's differences, the announcements."""

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    RowMapping,
    Table,
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

from database.changes import Change, ChangeKind
from qserver.jobs import JobStatus

Parameters = dict[str, object]
Key = UUID | str | int | bytes


class Work:
    """One transaction's connection. Repositories share it; nobody else sees it."""

    def __init__(self, connection: Connection) -> None:
        """Work on a connection whose transaction has begun."""
        self.execute: Final = connection.execute
        self.is_postgres: Final = connection.dialect.name == "postgresql"
        self._announced: dict[ChangeKind, dict[UUID, None]] = {}

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Begin an INSERT that can say ON CONFLICT."""
        return postgresql.insert(table) if self.is_postgres else sqlite.insert(table)

    def insert_rows(self, insert: Insert, rows: Sequence[Parameters]) -> Sequence[RowMapping]:
        """Insert rows, at least one, that all name the same columns, by one statement; give what it returns."""
        result = self.execute(_from_arrays(insert, rows)) if self.is_postgres else self.execute(insert, rows)
        return result.mappings().all() if result.returns_rows else ()

    def among(self, key: Column[Key], values: Sequence[Key]) -> ColumnElement[bool]:
        """Test whether a column's value is one of these; one parameter however many, so that plans are kept."""
        if not values:
            return false()
        if self.is_postgres:
            return key == any_(bindparam(None, list(values), type_=postgresql.ARRAY(key.type)))
        if isinstance(values[0], bytes):  # JSON knows no bytes
            return key.in_(values)
        texts = json.dumps([value.hex if isinstance(value, UUID) else value for value in values])
        return key.in_(select(func.json_each(texts).table_valued("value").c.value))

    def announce(self, kind: ChangeKind, job_ids: Sequence[UUID] = ()) -> None:
        """Tell everybody of a change, once the transaction is committed."""
        self._announced.setdefault(kind, {}).update(dict.fromkeys(job_ids))

    def announcements(self) -> Sequence[Change]:
        """List what is to be told, a change a kind."""
        return [Change(kind, tuple(job_ids)) for kind, job_ids in self._announced.items()]


def status_is(column: KeyedColumnElement[str], *statuses: JobStatus) -> ColumnElement[bool]:
    """Compare with words that stand in the statement itself: with parameters no partial index could be chosen."""
    words: list[ColumnElement[str]] = [literal_column(f"'{status}'") for status in statuses]
    return column == words[0] if len(words) == 1 else column.in_(words)


def _from_arrays(insert: Insert, rows: Sequence[Parameters]) -> Insert:
    """Give each column as one array: a parameter for each cell took longer to send, and longer to plan."""
    table = insert.table
    columns = [column(name, table.c[name].type) for name in rows[0]]
    arrays = [
        bindparam(None, [row[each.name] for row in rows], type_=postgresql.ARRAY(each.type, dimensions=1))
        for each in columns
    ]
    values = func.unnest(*arrays).table_valued(*columns, name="new").render_derived()
    return insert.from_select(list(rows[0]), select(*values.c))
