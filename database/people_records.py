"""What is known of users, their keys, and what they did, as values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from qserver.identity import Permission, Role, named
from qserver.json_types import JsonObject

ADMIN: Final = "admin"
"""The user whom the key in QSERVER_ADMIN_KEY belongs to."""

FIRST_KEY: Final = "first-key"
"""What that key is called."""


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user. `disabled_at` is None for one who may come in."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    subject: str | None  # who they are to an issuer of tokens; None for those of our own


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored, by its hash."""

    key_hash: bytes
    owner_id: UUID
    name: str
    scopes: frozenset[Permission]
    expires_at: datetime | None = None
    made_by: UUID | None = None  # the key it is made with; None where that is none


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key; the key itself is known to its holder alone."""

    id: UUID
    owner_id: UUID
    owner: str
    name: str
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    made_by: UUID | None

    def summary(self) -> dict[str, str | list[str]]:
        """Give what the audit trail keeps of it."""
        return {"name": self.name, "user": self.owner, "scopes": [*named(self.scopes)]}


class AuditAction(StrEnum):
    """What the audit trail tells of. Submissions stand in each job's own events."""

    JOB_CANCELED = "job.canceled"
    JOB_DELETED = "job.deleted"
    PLUGIN_ADDED = "plugin.added"
    PLUGIN_REMOVED = "plugin.removed"
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    KEY_ADDED = "key.added"
    KEY_REVOKED = "key.revoked"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Something that somebody did. `address` is where they did it from, where that is known."""

    id: int
    at: datetime
    actor: str
    address: str | None
    action: AuditAction
    subject: str
    detail: JsonObject
