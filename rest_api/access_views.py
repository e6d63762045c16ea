"""Our words for users, keys and what people did."""

from database.people_records import AuditRecord, KeyRecord, UserRecord
from qserver.identity import Identity, named
from rest_api import access_schemas as schemas


def me_view(caller: Identity) -> schemas.Me:
    """Show callers who they are to the service."""
    return schemas.Me(caller.user_id, caller.name, caller.role, named(caller.permissions))


def key_view(key: KeyRecord) -> schemas.ApiKey:
    """Show a key, which is itself known to its holder alone."""
    return schemas.ApiKey(
        id=key.id,
        name=key.name,
        user=key.owner,
        scopes=named(key.scopes),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        made_by=key.made_by,
    )


def user_view(user: UserRecord) -> schemas.User:
    """Show a user."""
    return schemas.User(
        id=user.id,
        name=user.name,
        role=user.role,
        created_at=user.created_at,
        disabled_at=user.disabled_at,
        external=user.subject is not None,
    )


def entry_view(entry: AuditRecord) -> schemas.AuditEntry:
    """Show something that somebody did."""
    return schemas.AuditEntry(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        address=entry.address,
        action=entry.action,
        subject=entry.subject,
        detail=entry.detail,
    )
