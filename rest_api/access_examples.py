"""What answers about users, keys and the audit trail look like: examples of the OpenAPI document."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from database.people_records import AuditAction
from qserver.identity import Permission, Role
from rest_api import access_schemas as schemas

_USER_ID = UUID("2f1c8a52-6e6f-4b59-9d0e-6f0a4d9f2b11")
_KEY_ID = UUID("b6a3f6de-3a0c-4a49-8b8e-5d7f3c9b8e21")
_MAKER_ID = UUID("0c9c2b7e-51b5-4a0f-9a55-3b0d1fd6f3a7")
_MADE = datetime(2026, 1, 31, 12, tzinfo=UTC)
_SCOPES = [Permission.READ, Permission.SUBMIT]

ME = schemas.Me(_USER_ID, "ada", Role.USER, _SCOPES)
USER = schemas.User(_USER_ID, "ada", Role.USER, created_at=_MADE, disabled_at=None, external=False)
KEY = schemas.ApiKey(
    id=_KEY_ID,
    name="laptop",
    user="ada",
    scopes=_SCOPES,
    created_at=_MADE,
    expires_at=_MADE + timedelta(days=180),
    last_used_at=None,
    made_by=_MAKER_ID,
)
REVOCATION = schemas.Revocation("Success", [_KEY_ID])
MADE_KEY = schemas.MadeApiKey("qserver_<43 characters>", KEY)
AUDIT_ENTRY = schemas.AuditEntry(
    id=7,
    at=_MADE,
    actor="admin",
    address="192.0.2.7",
    action=AuditAction.KEY_ADDED,
    subject=str(_KEY_ID),
    detail={"name": "laptop", "user": "ada", "scopes": _SCOPES},
)
