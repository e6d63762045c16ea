"""The driver's errors, turned once into ours. Nothing of SQLAlchemy or a driver leaves this package."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg.errors as postgres
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from qserver.errors import InvalidRequest, QServerError, Unavailable

REMEDY: Final = "bring them there with python -m database upgrade"


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise Unavailable for what may pass, InvalidRequest for a value that can't be stored, QServerError for a bug.

    Messages hold the driver's first line and never a value of the statement: those are circuits.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise Unavailable("all database connections are busy (QSERVER_DATABASE_POOL_SIZE)") from error
    except DataError as error:
        # Not `from error`, here and below: its details quote the values, and traces are logged.
        raise InvalidRequest(f"a value can't be stored: {_first_line(error)}") from None
    except IntegrityError as error:
        raise QServerError(f"the database refused a wrong row: {_first_line(error)}") from None
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        raise _translated(error) from error
    except SQLAlchemyError as error:
        raise QServerError(f"a statement is wrong: {type(error).__name__}") from error


def _unavailable(error: DBAPIError) -> Unavailable:
    if isinstance(error.orig, postgres.DiskFull):
        return Unavailable(
            f"the database's disk is full ({_first_line(error)}): free space there, or keep less (QSERVER_KEEP_*_DAYS)"
        )
    return Unavailable(f"the database doesn't answer: {_first_line(error)}")


def _translated(error: DBAPIError) -> QServerError:
    first_line = _first_line(error)
    match error.orig:
        case postgres.UndefinedTable() | postgres.UndefinedColumn():  # started before the tables were upgraded
            return Unavailable(f"the database's tables are not those of this version ({first_line}): {REMEDY}")
        case postgres.ReadOnlySqlTransaction():  # the server has become a copy of another
            return Unavailable(f"the database takes no writes: {first_line}")
        case _ if error.connection_invalidated:
            return Unavailable(f"the connection to the database was lost: {first_line}")
        case _:
            return QServerError(f"the database refused a statement: {first_line}")


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).splitlines()), type(error.orig).__name__)
