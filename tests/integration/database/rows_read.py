"""Rows that PostgreSQL reads for each statement, counted by explaining it."""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, event

from database import Database

if TYPE_CHECKING:
    import psycopg


class Reader:
    """Counts the rows that each statement about jobs reads, by explaining it just before it runs.

    `rows_read` are of `jobs`, `rows_beside` of what stands beside a job: its PUB, its circuit and its result.
    """

    def __init__(self) -> None:
        self.rows_read: dict[str, float] = {}
        self.rows_beside: dict[str, float] = {}
        self.scans: set[str] = set()

    def explain(self, connection: Connection, statement: str, parameters: Mapping[str, object]) -> None:
        if not (" jobs" in statement or " results" in statement) or "VALUES" in statement:
            return
        begin, end = "SAVEPOINT explaining", "ROLLBACK TO SAVEPOINT explaining"
        if cast("psycopg.Connection", connection.connection.driver_connection).autocommit:
            begin, end = "BEGIN", "ROLLBACK"  # a statement that is a transaction by itself
        with contextlib.closing(connection.connection.cursor()) as cursor:
            cursor.execute(begin)
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            ((found,),) = cursor.fetchall()
            cursor.execute(end)
        plan = found[0]["Plan"]
        self.rows_read[statement] = sum(self._rows(plan, {"jobs"}))
        self.rows_beside[statement] = sum(self._rows(plan, {"pubs", "circuits", "results"}))

    def _rows(self, plan: Mapping[str, object], tables: set[str]) -> Iterator[float]:
        if plan.get("Relation Name") in tables and plan["Node Type"] != "ModifyTable":
            self.scans.add(str(plan["Node Type"]))
            read = (plan.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter"))
            yield sum(float(str(number)) for number in read) * float(str(plan["Actual Loops"]))
        for inner in plan.get("Plans", ()):  # type: ignore[attr-defined] # as EXPLAIN writes it
            yield from self._rows(inner, tables)


@contextmanager
def reading_counted(database: Database) -> Iterator[Reader]:
    reader = Reader()

    def explain(
        connection: Connection, _cursor: object, statement: str, parameters: Mapping[str, object], *_: object
    ) -> None:
        reader.explain(connection, statement, parameters)

    event.listen(database._engine, "before_cursor_execute", explain)
    try:
        yield reader
    finally:
        event.remove(database._engine, "before_cursor_execute", explain)
