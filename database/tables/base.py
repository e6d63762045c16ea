"""What all tables share: names of constraints, types by annotation, checks written once."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import cast
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, MetaData, Table, Uuid
from sqlalchemy.orm import DeclarativeBase

from database.types import DOCUMENT, UtcDateTime
from qserver.json_types import JsonObject

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The root of all models. Every constraint has a name, so that a later migration can change it."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook, read once
        datetime: UtcDateTime(),
        UUID: Uuid(),
        JsonObject: DOCUMENT,
        list[str]: DOCUMENT,
        list[int]: DOCUMENT,
        int: BigInteger(),
    }

    @classmethod
    def table(cls) -> Table:
        """Give the Core table behind the model."""
        return cast("Table", cls.__table__)


def one_of(column: str, values: Iterable[StrEnum], *, name: str) -> CheckConstraint:
    """Allow only these words in `column`."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=name)
