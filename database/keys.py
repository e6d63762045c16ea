"""API keys: their hashes, who they belong to, and when they were used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select, update

from database.changes import ChangeKind
from database.people_records import KeyRecord, NewKey
from database.tables import api_keys, users
from database.types import Now, SecondsFromNow
from database.work import Work
from qserver.access.directory import KeyHolder
from qserver.errors import NotFound, QuotaExceeded, ReachedLimit
from qserver.identity import Identity, Permission, Role
from qserver.quotas import QuotaUse

_USE_SECONDS: Final = 60.0
"""How exact `last_used_at` is: each use would else be a write."""

_LIMIT_NAME: Final = "max_keys_per_user"
_RETRY_SECONDS: Final = 60

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
        """Store a key. Raises QuotaExceeded where its owner has `most` keys; 0 allows any number."""
        if most:
            self._check_number(new.owner_id, most)
        key_id = uuid4()
        row = {
            "id": key_id,
            "owner_id": new.owner_id,
            "name": new.name,
            "key_hash": new.key_hash,
            "scopes": sorted(new.scopes),
            "expires_at": new.expires_at,
        }
        self._work.execute(api_keys.insert().values(row))
        return self._get(key_id)

    def list(self, caller: Identity, *, owner: str | None = None) -> Sequence[KeyRecord]:
        """List keys that were not revoked, oldest first: the caller's own, or, for an administrator, those of `owner`.

        Somebody else's are none.
        """
        statement = _select_keys().where(api_keys.c.revoked_at.is_(None), users.c.name == (owner or caller.name))
        if not caller.sees_everything:
            statement = statement.where(users.c.id == caller.user_id)
        return [_key_from(row) for row in self._work.execute(statement.order_by(api_keys.c.created_at)).mappings()]

    def use(self, owner: Identity, most: int) -> QuotaUse:
        """Give how many keys somebody has of the `most` they may have; 0 is any number."""
        return QuotaUse(_LIMIT_NAME, most or None, self._number(owner.user_id) if most else None)

    def revoke(self, key_id: UUID, caller: Identity) -> KeyRecord:
        """Make a key worthless, at once and everywhere. Raises NotFound."""
        statement = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        if not caller.sees_everything:
            statement = statement.where(api_keys.c.owner_id == caller.user_id)
        if self._work.execute(statement.values(revoked_at=Now())).rowcount == 0:
            raise NotFound(f"there is no key {key_id}")
        self._work.announce(ChangeKind.ACCESS)
        return self._get(key_id)

    def replace_named(self, new: NewKey) -> bool:
        """Store a key in the place of those of the same owner and name; gives whether it is new. Safe to repeat.

        One that was here before changes nothing: where somebody revoked it, it stays so.
        """
        if self._work.execute(select(api_keys.c.id).where(api_keys.c.key_hash == new.key_hash)).first() is not None:
            return False
        named = (api_keys.c.owner_id == new.owner_id, api_keys.c.name == new.name, api_keys.c.revoked_at.is_(None))
        if self._work.execute(update(api_keys).where(*named).values(revoked_at=Now())).rowcount:
            self._work.announce(ChangeKind.ACCESS)
        self.add(new)
        return True

    def find(self, key_hash: bytes) -> FoundKey | None:
        """Find whom a key belongs to; None where it is unknown or revoked, or its user disabled."""
        columns = (api_keys, users.c.name.label("owner"), users.c.role, _is_use_due().label("is_use_due"))
        statement = select(*columns).select_from(_OWNED)
        statement = statement.where(
            api_keys.c.key_hash == key_hash, api_keys.c.revoked_at.is_(None), users.c.disabled_at.is_(None)
        )
        row = self._work.execute(statement).mappings().first()
        if row is None:
            return None
        identity = Identity(row["owner_id"], row["owner"], Role(row["role"]), _scopes(row), key_id=row["id"])
        return FoundKey(KeyHolder(row["key_hash"], identity, row["expires_at"]), is_use_due=row["is_use_due"])

    def mark_used(self, key_hash: bytes) -> None:
        """Remember that a key was used, to the minute."""
        is_used = update(api_keys).where(api_keys.c.key_hash == key_hash, _is_use_due())
        self._work.execute(is_used.values(last_used_at=Now()))

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
    )
