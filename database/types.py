"""Column types and SQL expressions that mean the same on Postgres and on SQLite."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from sqlalchemy import JSON, BigInteger, BindParameter, DateTime, Dialect, Float, Integer, bindparam
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from qserver.json_types import JsonValue

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

SQLITE_CLOCK: Final = "utc_microseconds"
"""The SQL function that `engine.py` gives each SQLite connection."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, exact to the microsecond.

    `timestamptz` on Postgres. On SQLite whole microseconds since 1970: arithmetic and comparison need no parsing, and
    no deprecated adapter of `sqlite3` is involved.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int] | TypeEngine[datetime]:
        """Choose the type of the column."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Refuse naive moments: their zone would be a guess. Raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as called
        """Give the moment in UTC."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return _EPOCH + value * _MICROSECOND


DOCUMENT: Final = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A request or a description: `jsonb` on Postgres. Never for results, whose order of keys and numbers must survive."""

SERIAL: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that rises with each row; SQLite counts up only what is spelled INTEGER PRIMARY KEY."""


def write_json(document: JsonValue) -> str:
    """Write a document by orjson, in a fifth of the time.

    What it can't write, or writes as null, is written by the standard library: so PostgreSQL is who refuses a NaN.
    """
    try:
        text = orjson.dumps(document).decode()
    except TypeError:
        return json.dumps(document)
    return json.dumps(document) if "null" in text else text


class Now(FunctionElement[datetime]):
    """The present moment by the database's clock; on Postgres the start of the statement, so that indexes serve."""

    type = UtcDateTime()
    inherit_cache = True
    name = "now"


@compiles(Now)
def _now_on_postgres(element: Now, compiler: SQLCompiler, **keywords: object) -> str:  # noqa: ARG001 - as called
    return "statement_timestamp()"


@compiles(Now, "sqlite")
def _now_on_sqlite(element: Now, compiler: SQLCompiler, **keywords: object) -> str:  # noqa: ARG001 - as called
    return f"{SQLITE_CLOCK}()"


class SecondsBetween(FunctionElement[float]):
    """The seconds from one moment to another."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(SecondsBetween)
def _seconds_between_on_postgres(element: SecondsBetween, compiler: SQLCompiler, **keywords: object) -> str:
    start, end = (compiler.process(moment, **keywords) for moment in element.clauses)
    return f"CAST(extract(epoch FROM {end} - {start}) AS double precision)"


@compiles(SecondsBetween, "sqlite")
def _seconds_between_on_sqlite(element: SecondsBetween, compiler: SQLCompiler, **keywords: object) -> str:
    start, end = (compiler.process(moment, **keywords) for moment in element.clauses)
    return f"(({end} - {start}) / 1000000.0)"


class SecondsFromNow(FunctionElement[datetime]):
    """The moment that many seconds after now, or before it where they are negative."""

    type = UtcDateTime()
    inherit_cache = True
    name = "seconds_from_now"

    def __init__(self, seconds: float | BindParameter[float]) -> None:
        """Take the seconds as a parameter of the statement, or the parameter that will hold them."""
        given = seconds if isinstance(seconds, BindParameter) else bindparam(None, seconds, type_=Float())
        super().__init__(given)


@compiles(SecondsFromNow)
def _seconds_from_now_on_postgres(element: SecondsFromNow, compiler: SQLCompiler, **keywords: object) -> str:
    seconds = compiler.process(element.clauses, **keywords)
    return f"(statement_timestamp() + make_interval(secs => CAST({seconds} AS double precision)))"


@compiles(SecondsFromNow, "sqlite")
def _seconds_from_now_on_sqlite(element: SecondsFromNow, compiler: SQLCompiler, **keywords: object) -> str:
    seconds = compiler.process(element.clauses, **keywords)
    return f"({SQLITE_CLOCK}() + CAST({seconds} * 1000000 AS INTEGER))"
