"""What jobs share: circuits and noise models, each stored once an owner, and found again by its hash."""

from collections.abc import Mapping
from functools import cache
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Insert, Table

from database.work import BeginInsert, Parameters, Work

ContentKey: TypeAlias = tuple[UUID, bytes]
"""An owner, and the hash of what they sent."""


def store_once(work: Work, table: Table, rows: Mapping[ContentKey, Parameters]) -> Mapping[ContentKey, UUID]:
    """Store what is new and give the ids of all; what is there is marked as used, which keeps it from retention."""
    # All transactions lock in the same order, so that none waits in a circle.
    found = work.insert_rows(inserting_once(work.insert, table), [rows[key] for key in sorted(rows)])
    return {(row["owner_id"], bytes(row["sha256"])): row["id"] for row in found}


@cache
def inserting_once(begin: BeginInsert, table: Table) -> Insert:
    """Begin the statement that stores what is new, and gives id, owner and hash of all."""
    insert = begin(table)
    return insert.on_conflict_do_update(
        index_elements=["owner_id", "sha256"], set_={"used_at": insert.excluded.used_at}
    ).returning(table.c.id, table.c.owner_id, table.c.sha256)
