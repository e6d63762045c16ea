"""Whose a job is, by name."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import ScalarSelect, select

from database.tables import users
from database.work import Work
from qserver.identity import Identity


def owner_names(work: Work, owner_ids: Collection[UUID], caller: Identity) -> Mapping[UUID, str]:
    """Give the names of users by their ids. Asks the database for none but those of others."""
    others = {*owner_ids} - {caller.user_id}
    names = {caller.user_id: caller.name}
    if others:
        statement = select(users.c.id, users.c.name).where(work.among(users.c.id, sorted(others)))
        names.update((row["id"], row["name"]) for row in work.execute(statement).mappings())
    return names


def id_of_owner(name: str) -> ScalarSelect[UUID]:
    """Write the query for a user's id, which finds nothing where there is no such user."""
    return select(users.c.id).where(users.c.name == name).scalar_subquery()
