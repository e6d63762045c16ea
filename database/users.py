"""Who owns jobs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from sqlalchemy import RowMapping, and_, func, or_, select, update

from database.changes import ChangeKind
from database.jobs.quotas import usage
from database.people_records import AuditAction, UserRecord
from database.tables import users
from database.types import Now
from database.work import Work
from qserver.access.directory import TokenHolder
from qserver.errors import AlreadyExists, Conflict, NotFound
from qserver.identity import ANONYMOUS, GUEST, Role

_INTERNAL: Final = frozenset({ANONYMOUS.user_id})
_ADMINS: Final = select(users.c.id).where(
    users.c.role == Role.ADMIN, users.c.disabled_at.is_(None), users.c.id != ANONYMOUS.user_id
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A user who came by a token, and what that changed here; None for nothing."""

    user: UserRecord
    change: AuditAction | None


class Users:
    """The users of the service."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def ensure_anonymous(self) -> None:
        """Make sure of the user of requests without a key. Safe to repeat."""
        row = {"id": GUEST.user_id, "name": GUEST.name, "role": GUEST.role}
        self._work.execute(self._work.insert(users).values(row).on_conflict_do_nothing())

    def add(self, name: str, role: Role) -> UserRecord:
        """Add a user. Raises AlreadyExists where the name is taken."""
        row = {"id": uuid4(), "name": name, "role": role}
        statement = self._work.insert(users).values(row).on_conflict_do_nothing().returning(*users.c)
        added = self._work.execute(statement).mappings().first()
        if added is None:
            raise AlreadyExists(f"there is a user {name} already")
        return _user_from(added)

    def ensure_admin(self, name: str) -> UserRecord:
        """Give the user of this name, added where there is none. Safe to repeat.

        Raises Conflict where the name is that of somebody whom an issuer of tokens knows.
        """
        row = {"id": uuid4(), "name": name, "role": Role.ADMIN}
        self._work.execute(self._work.insert(users).values(row).on_conflict_do_nothing())
        user = self.get(name)
        if user.subject is not None:
            raise Conflict(f"user {name} comes by tokens of {user.subject.partition('|')[0]}: it gets no key of ours")
        return user

    def get(self, name: str) -> UserRecord:
        """Give a user. Raises NotFound."""
        row = self._work.execute(select(users).where(users.c.name == name)).mappings().first()
        if row is None:
            raise NotFound(f"there is no user {name}")
        return _user_from(row)

    def list(self) -> Sequence[UserRecord]:
        """List all users by name."""
        return [_user_from(row) for row in self._work.execute(select(users).order_by(users.c.name)).mappings()]

    def change(self, name: str, *, role: Role | None = None, is_disabled: bool | None = None) -> UserRecord:
        """Give a user another role, shut them out, or let them in again; what is None stays.

        Holds at once, for all their keys. Raises NotFound; Conflict for the user `anonymous`, whose rights are the
        settings', and where no administrator would be left.
        """
        # Two administrators who demote each other at the same moment must not both succeed. No stronger lock than that:
        # a submission holds its row of `usage`, which is waited for below, and then points to its owner.
        self._work.execute(_ADMINS.order_by(users.c.id).with_for_update(key_share=True))
        user = self.get(name)
        if user.id in _INTERNAL:
            raise Conflict(
                f"user {name} stands for requests without a key: see QSERVER_AUTH and QSERVER_ANONYMOUS_FROM"
            )
        if role not in {None, user.role} and user.subject is not None:
            raise Conflict(f"the role of user {name} comes with their tokens: change it there, or disable them")
        values: dict[str, object] = {} if role is None else {"role": role}
        if is_disabled is not None:
            values["disabled_at"] = func.coalesce(users.c.disabled_at, Now()) if is_disabled else None
        if values:
            self._work.execute(update(users).where(users.c.id == user.id).values(values))
            self._require_admin()
            usage.forget(self._work, user.id)  # of administrators nobody counts
            self._work.announce(ChangeKind.ACCESS)
        return self.get(name)

    def take_in(self, holder: TokenHolder) -> Arrival:
        """Give the user whom an issuer of tokens knows by a subject, added where they are new here.

        The name is the issuer's where nobody else here has it, else that with a few letters behind it; it stays what it
        was first. The role is that of the token issued last: lists show it, and it bounds the user's keys, each of
        which can do no more than its maker could. An older token changes nothing; of two issued in the same second the
        lower role counts. A request with a token is judged by the token. Safe to repeat, and beside another service's
        call.
        """
        found = self._of_subject(holder.subject)
        if found is None and (added := self._add_external(holder)) is not None:
            return Arrival(added, AuditAction.USER_ADDED)
        found = found or self._of_subject(holder.subject)
        if found is None:
            raise AlreadyExists(f"the name {holder.name} is taken by another user")
        user = self._with_role_of(holder, found)
        return Arrival(user, None if user.role is found.role else AuditAction.USER_CHANGED)

    def _add_external(self, holder: TokenHolder) -> UserRecord | None:
        """Add a user of an issuer; None where another service does so at this moment, or where no name is free."""
        hint = hashlib.sha256(holder.subject.encode()).hexdigest()[:8]
        row = {
            "id": uuid5(NAMESPACE_URL, holder.subject),
            "role": holder.role,
            "subject": holder.subject,
            "role_issued_at": holder.issued_at,
        }
        for name in (holder.name, f"{holder.name} ({hint})"):
            statement = self._work.insert(users).values({**row, "name": name}).on_conflict_do_nothing()
            added = self._work.execute(statement.returning(*users.c)).mappings().first()
            if added is not None:
                return _user_from(added)
        return None

    def _with_role_of(self, holder: TokenHolder, user: UserRecord) -> UserRecord:
        """Give a user the role of a token, unless a newer one was seen."""
        # Not announced: tokens of two roles in turn would have all services look at all keys, again and again.
        above = [role for role in Role if holder.role.is_below(role)]
        is_newer = or_(
            users.c.role_issued_at.is_(None),
            users.c.role_issued_at < holder.issued_at,
            and_(users.c.role_issued_at == holder.issued_at, users.c.role.in_(above)),
        )
        change = update(users).where(users.c.id == user.id, is_newer)
        values = {"role": holder.role, "role_issued_at": holder.issued_at}
        is_changed = self._work.execute(change.values(values)).rowcount > 0
        if user.role is not holder.role:
            usage.forget(self._work, user.id)  # of administrators nobody counts, by an older token either
        return replace(user, role=holder.role) if is_changed else user

    def _of_subject(self, subject: str) -> UserRecord | None:
        row = self._work.execute(select(users).where(users.c.subject == subject)).mappings().first()
        return None if row is None else _user_from(row)

    def _require_admin(self) -> None:
        if self._work.execute(_ADMINS.limit(1)).first() is None:
            raise Conflict("no administrator would be left: give another user the role admin first")


def _user_from(row: RowMapping) -> UserRecord:
    return UserRecord(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        subject=row["subject"],
    )
