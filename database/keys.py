"""API keys: their hashes, who they belong to, and when they were used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, Select, and_, func, or_, select, true, update

from database.changes import ChangeKind
from database.people_records import KeyRecord, NewKey
from database.tables import api_keys, users
from database.types import Now, SecondsFromNow
from database.work import Work
from qserver.access.directory import KeyHolder
from qserver.errors import NotFound, PermissionDenied, QuotaExceeded, ReachedLimit, Unauthenticated
from qserver.identity import ANONYMOUS, Identity, Permission, Role, named
from qserver.quotas import QuotaUse

_USE_SECONDS: Final = 60.0
"""How exact `last_used_at` is: each use would else be a write."""

_LIMIT_NAME: Final = "max_keys_per_user"
_RETRY_SECONDS: Final = 60

_IS_ALIVE: Final = and_(api_keys.c.revoked_at.is_(None), api_keys.c.owner_id != ANONYMOUS.user_id)
"""Who stands for requests without a key has none: what was made for them once would open the door from anywhere."""

_OF_ADMINS: Final = api_keys.c.owner_id.in_(select(users.c.id).where(users.c.role == Role.ADMIN))
_OWNED: Final = api_keys.join(users, users.c.id == api_keys.c.owner_id)


@dataclass(frozen=True, slots=True)
class FoundKey:
    """Whom a key belongs to, and whether its use is to be noted again."""

    holder: KeyHolder
    is_use_due: bool


class Keys:
    """The keys of users. Somebody else's key is one that doesn't exist, except for an administrator."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def add(self, new: NewKey, *, most: int = 0) -> KeyRecord:
        """Store a key; one that is made with a key ends no later than that one.

        Raises QuotaExceeded where its owner has `most` keys, 0 allows any number; Unauthenticated where the key that it
        is made with was revoked meanwhile.
        """
        if most:
            self._check_number(new.owner_id, most)
        ends = [new.expires_at, None if new.made_by is None else self._end_of_maker(new.made_by)]
        key_id = uuid4()
        row = {
            "id": key_id,
            "owner_id": new.owner_id,
            "name": new.name,
            "key_hash": new.key_hash,
            "scopes": sorted(new.scopes),
            "expires_at": min((end for end in ends if end is not None), default=None),
            "made_by": new.made_by,
        }
        self._work.execute(api_keys.insert().values(row))
        return self._get(key_id)

    def list(self, caller: Identity, *, owner: str | None = None) -> Sequence[KeyRecord]:
        """List keys that were not revoked, oldest first: the caller's own, or, for an administrator, those of `owner`.

        Left out are those that can do more than the key in use. Only administrators get those of others.
        """
        statement = _select_keys().where(api_keys.c.revoked_at.is_(None), users.c.name == (owner or caller.name))
        if not caller.sees_everything:
            statement = statement.where(users.c.id == caller.user_id)
        found = map(_key_from, self._work.execute(statement.order_by(api_keys.c.created_at)).mappings())
        return [key for key in found if caller.sees_everything or caller.may_see(key.id, key.scopes)]

    def use(self, owner: Identity, most: int) -> QuotaUse:
        """Give how many keys somebody has of the `most` they may have; 0 is any number."""
        return QuotaUse(_LIMIT_NAME, most or None, self._number(owner.user_id) if most else None)

    def revoke(self, key_id: UUID, caller: Identity, *, with_made: bool = True) -> Sequence[KeyRecord]:
        """Make a key worthless, at once and everywhere, with all that was made with it; gives them, oldest first.

        One that is worthless already may be revoked again for what it made. Raises NotFound, also where there is
        nothing left to revoke, and PermissionDenied for a key that can do more than the one in use.
        """
        self._check_may_revoke(key_id, caller)
        revoked = self._make_worthless(api_keys.c.id == key_id)
        if with_made:
            revoked |= self._revoke_made_with({key_id})
        if not revoked:
            raise NotFound(f"there is no key {key_id}")
        return self._several(revoked)

    def replace_named(self, new: NewKey) -> Sequence[KeyRecord] | None:
        """Store a key in the place of those of the same owner and name; gives what is worthless now. Safe to repeat.

        With those goes what administrators have that was made with them; what others have stays. Gives None for one
        that was here before: it changes nothing, and where somebody revoked it, it stays so.
        """
        if self.is_known(new.key_hash):
            return None
        is_named = and_(api_keys.c.owner_id == new.owner_id, api_keys.c.name == new.name)
        replaced = self._make_worthless(is_named)
        replaced |= self._revoke_made_with(replaced, only=_OF_ADMINS)
        self.add(new)
        return self._several(replaced)

    def is_known(self, key_hash: bytes) -> bool:
        """Tell whether a key is here, or was and is revoked."""
        return self._work.execute(select(api_keys.c.id).where(api_keys.c.key_hash == key_hash)).first() is not None

    def find(self, key_hash: bytes) -> FoundKey | None:
        """Find whom a key belongs to; None where it is unknown or revoked, or its user disabled or `anonymous`."""
        columns = (api_keys, users.c.name.label("owner"), users.c.role, _is_use_due().label("is_use_due"))
        statement = select(*columns).select_from(_OWNED)
        statement = statement.where(api_keys.c.key_hash == key_hash, _IS_ALIVE, users.c.disabled_at.is_(None))
        row = self._work.execute(statement).mappings().first()
        if row is None:
            return None
        identity = Identity(row["owner_id"], row["owner"], Role(row["role"]), _scopes(row), key_id=row["id"])
        return FoundKey(KeyHolder(row["key_hash"], identity, row["expires_at"]), is_use_due=row["is_use_due"])

    def mark_used(self, key_hash: bytes) -> None:
        """Remember that a key was used, to the minute."""
        is_used = update(api_keys).where(api_keys.c.key_hash == key_hash, _is_use_due())
        self._work.execute(is_used.values(last_used_at=Now()))

    def _end_of_maker(self, key_id: UUID) -> datetime | None:
        # Whoever revokes the maker waits here, and then finds what was made; or it was revoked, and is found so here.
        alive = select(api_keys.c.expires_at).where(api_keys.c.id == key_id, _IS_ALIVE).with_for_update(read=True)
        found = self._work.execute(alive).first()
        if found is None:
            raise Unauthenticated("the key that this one is made with was revoked")
        end: datetime | None = found[0]
        return end

    def _check_may_revoke(self, key_id: UUID, caller: Identity) -> None:
        if caller.sees_everything:
            return
        is_own = (api_keys.c.id == key_id, api_keys.c.owner_id == caller.user_id)
        row = self._work.execute(select(api_keys.c.scopes, api_keys.c.name).where(*is_own)).mappings().first()
        if row is None:
            raise NotFound(f"there is no key {key_id}")
        if not caller.may_revoke(key_id, _scopes(row)):
            raise PermissionDenied(
                f"the key in use may revoke itself, and with 'submit' those that can do no more than it: "
                f"key {row['name']} was made for {', '.join(named(_scopes(row))) or 'nothing'}"
            )

    def _make_worthless(self, which: ColumnElement[bool]) -> set[UUID]:
        """Revoke keys, and tell of it; gives the ids of those that were not revoked before."""
        revoking = update(api_keys).where(which, api_keys.c.revoked_at.is_(None)).values(revoked_at=Now())
        revoked = set(self._work.execute(revoking.returning(api_keys.c.id)).scalars())
        if revoked:
            self._work.announce(ChangeKind.ACCESS)
        return revoked

    def _revoke_made_with(self, makers: set[UUID], *, only: ColumnElement[bool] | None = None) -> set[UUID]:
        """Revoke what was made with keys that are revoked, and what was made with that, and so on.

        Generation by generation, each by statements of its own: who was about to make one is waited for, and seen then.
        """
        revoked: set[UUID] = set()
        while makers:
            are_made = self._work.among(api_keys.c.made_by, sorted(makers))
            revoked |= self._make_worthless(and_(are_made, true() if only is None else only))
            makers = set(self._work.execute(select(api_keys.c.id).where(are_made)).scalars())
        return revoked

    def _several(self, key_ids: set[UUID]) -> Sequence[KeyRecord]:
        statement = _select_keys().where(self._work.among(api_keys.c.id, sorted(key_ids)))
        return [_key_from(row) for row in self._work.execute(statement.order_by(api_keys.c.created_at)).mappings()]

    def _check_number(self, owner_id: UUID, most: int) -> None:
        # Whoever else adds a key of theirs waits here, and counts this one.
        locked = select(users.c.name).where(users.c.id == owner_id).with_for_update(key_share=True)
        owner = self._work.execute(locked).scalar_one()
        if self._number(owner_id) >= most:
            raise QuotaExceeded(
                f"user {owner} may have {most:,} keys, and has that many (QSERVER_{_LIMIT_NAME.upper()}), expired ones"
                " among them; revoke one that is no longer needed",
                limit=ReachedLimit(_LIMIT_NAME, most, _RETRY_SECONDS),
            )

    def _number(self, owner_id: UUID) -> int:
        is_theirs = (api_keys.c.owner_id == owner_id, api_keys.c.revoked_at.is_(None))
        return int(self._work.execute(select(func.count()).where(*is_theirs)).scalar_one())

    def _get(self, key_id: UUID) -> KeyRecord:
        return _key_from(self._work.execute(_select_keys().where(api_keys.c.id == key_id)).mappings().one())


def _is_use_due() -> ColumnElement[bool]:
    return or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < SecondsFromNow(-_USE_SECONDS))


def _select_keys() -> Select[tuple[object, ...]]:
    return select(api_keys, users.c.name.label("owner")).select_from(_OWNED)


def _scopes(row: RowMapping) -> frozenset[Permission]:
    return frozenset(map(Permission, row["scopes"]))


def _key_from(row: RowMapping) -> KeyRecord:
    return KeyRecord(
        id=row["id"],
        owner_id=row["owner_id"],
        owner=row["owner"],
        name=row["name"],
        scopes=_scopes(row),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        made_by=row["made_by"],
    )
