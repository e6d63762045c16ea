"""Who may do what: the caller, users, keys, and what they did."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from database.people_records import AuditAction, NewKey, UserRecord
from qserver.access.keys import hash_key, make_key
from qserver.clock import SystemClock
from qserver.errors import InvalidRequest, PermissionDenied
from qserver.identity import ANONYMOUS, Identity, Permission
from rest_api import access_examples as examples
from rest_api import access_schemas as schemas
from rest_api.access_views import entry_view, key_view, me_view, user_view
from rest_api.dependencies import MAX_CURSOR, Caller, Name, Neighbours, identify
from rest_api.json_response import json_response
from rest_api.openapi import answers, refusals
from rest_api.service_route import ServiceRoute
from rest_api.views import API_PREFIX
from rest_api.whole_numbers import IN_DIGITS

PAGE_SIZE = 100

router = APIRouter(prefix=API_PREFIX, tags=["access"], dependencies=[Depends(identify)], route_class=ServiceRoute)

KeyId = Annotated[UUID, Path(alias="id", description="the key's id, a UUID")]
OwnerName = Annotated[schemas.AnyName | None, Query(alias="user", description="whose; your own")]


@router.get(
    "/me",
    operation_id="getMe",
    summary="Who am I?",
    responses=answers(schemas.Me, "The caller.", example=examples.ME),
)
async def get_me(caller: Caller) -> Response:
    """Read who the key in use makes you."""
    return json_response(me_view(caller))


@router.get(
    "/keys",
    operation_id="listKeys",
    summary="List keys",
    responses={
        **answers(list[schemas.ApiKey], "Keys that were not revoked.", example=[examples.KEY]),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_keys(caller: Caller, neighbours: Neighbours, user: OwnerName = None) -> Response:
    """List your keys, or, as an administrator, those of `user`.

    Left out are keys that can do more than the one in use. Only administrators get keys of other users.
    """
    with neighbours.database.reading() as transaction:
        keys = transaction.keys.list(caller, owner=user)
    return json_response([key_view(key) for key in keys])


@router.post(
    "/keys",
    operation_id="makeKey",
    summary="Make a key",
    status_code=HTTPStatus.CREATED,
    responses={
        **answers(schemas.MadeApiKey, "The key: it is not shown again.", HTTPStatus.CREATED, example=examples.MADE_KEY),
        **refusals(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    },
)
def make_a_key(wanted: schemas.NewApiKey, caller: Caller, neighbours: Neighbours) -> Response:
    """Make a key for yourself, or, as an administrator, for `user`.

    It can't do more than the one it is made with, ends no later, and is revoked with it. A user
    may have `QSERVER_MAX_KEYS_PER_USER` keys.
    """
    if wanted.expires_at is not None and wanted.expires_at <= SystemClock().now():
        raise InvalidRequest(f"expires_at is {wanted.expires_at:%Y-%m-%d %H:%M:%S} UTC, which has passed")
    key, settings = make_key(), neighbours.settings.access
    with neighbours.database.transaction() as transaction:
        owner = transaction.users.get(_owner_name(wanted, caller))
        _require_somebody(owner)
        ends_at = _earliest(wanted.expires_at, _end_of_external(owner, settings.oidc_key_days))
        new = NewKey(hash_key(key), owner.id, wanted.name, _scopes(wanted, caller, owner), ends_at, caller.key_id)
        stored = transaction.keys.add(new, most=settings.max_keys_per_user)
        transaction.audit.record(caller, AuditAction.KEY_ADDED, str(stored.id), stored.summary())
    return json_response(schemas.MadeApiKey(key, key_view(stored)), HTTPStatus.CREATED, {"Cache-Control": "no-store"})


@router.delete(
    "/key/{id}",
    operation_id="revokeKey",
    summary="Revoke a key",
    responses={
        **answers(schemas.Revocation, "The keys are worthless from now on.", example=examples.REVOCATION),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def revoke_key(
    key_id: KeyId,
    caller: Caller,
    neighbours: Neighbours,
    made: Annotated[
        Literal["revoke", "keep"], Query(description="what becomes of keys that were made with it, whoever has them")
    ] = "revoke",
) -> Response:
    """Revoke a key of yours, or, as an administrator, anybody's, with all that was made with it. It works at once.

    A key may revoke itself, and, where it may submit, those of its user that can do no more than it. One that is
    revoked already may be revoked again for what was made with it.
    """
    with neighbours.database.transaction() as transaction:
        revoked = transaction.keys.revoke(key_id, caller, with_made=made == "revoke")
        for key in revoked:
            along = {} if key.id == key_id else {"along_with": str(key_id)}
            transaction.audit.record(caller, AuditAction.KEY_REVOKED, str(key.id), {**key.summary(), **along})
    neighbours.authenticator.forget()  # whoever is answered may count on it; other services hear of it by themselves
    return json_response(schemas.Revocation("Success", [key.id for key in revoked]))


@router.get(
    "/users",
    operation_id="listUsers",
    summary="List users",
    responses={
        **answers(list[schemas.User], "All users by name.", example=[examples.USER]),
        **refusals(HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_users(neighbours: Neighbours) -> Response:
    """List all users."""
    with neighbours.database.reading() as transaction:
        users = transaction.users.list()
    return json_response([user_view(user) for user in users])


@router.post(
    "/users",
    operation_id="addUser",
    summary="Add a user",
    status_code=HTTPStatus.CREATED,
    responses={
        **answers(schemas.User, "The user, without a key yet.", HTTPStatus.CREATED, example=examples.USER),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def add_user(wanted: schemas.NewUser, caller: Caller, neighbours: Neighbours) -> Response:
    """Add a user, then make them a key."""
    with neighbours.database.transaction() as transaction:
        user = transaction.users.add(wanted.name, wanted.role)
        transaction.audit.record(caller, AuditAction.USER_ADDED, user.name, {"role": user.role})
    return json_response(user_view(user), HTTPStatus.CREATED)


@router.put(
    "/user/{name}",
    operation_id="changeUser",
    summary="Change a user",
    responses={
        **answers(schemas.User, "The user as they are now.", example=examples.USER),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def change_user(name: Name, change: schemas.UserChange, caller: Caller, neighbours: Neighbours) -> Response:
    """Give a user another role, or shut them out: at once, with all their keys. Their jobs stay."""
    with neighbours.database.transaction() as transaction:
        user = transaction.users.change(name, role=change.role, is_disabled=change.disabled)
        if change.model_fields_set:
            state = "enabled" if user.disabled_at is None else "disabled"
            transaction.audit.record(caller, AuditAction.USER_CHANGED, name, {"role": user.role, "state": state})
    neighbours.authenticator.forget()  # as for a revoked key
    return json_response(user_view(user))


@router.get(
    "/audit",
    operation_id="listAudit",
    summary="Read the audit trail",
    responses={
        **answers(list[schemas.AuditEntry], "At most 100 entries, newest first.", example=[examples.AUDIT_ENTRY]),
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
def list_audit(
    neighbours: Neighbours,
    before: Annotated[
        int | None, Query(ge=1, le=MAX_CURSOR, description="only what came before this id"), IN_DIGITS
    ] = None,
) -> Response:
    """Read who did what, and from where: users, keys, plugins, and jobs that were canceled or deleted.

    Who submitted a job, and from where, its own events tell: `GET /api/v1/job/{id}/events`.
    """
    with neighbours.database.reading() as transaction:
        entries = transaction.audit.list(limit=PAGE_SIZE, before_id=before)
    return json_response([entry_view(entry) for entry in entries])


def _owner_name(wanted: schemas.NewApiKey, caller: Identity) -> str:
    if wanted.user is not None and wanted.user != caller.name and not caller.may(Permission.ADMINISTER):
        raise PermissionDenied(f"user {caller.name} may make keys for themselves alone")
    return wanted.user or caller.name


def _require_somebody(owner: UserRecord) -> None:
    """Raise PermissionDenied for who stands for requests without a key: theirs would open the door from anywhere."""
    if owner.id == ANONYMOUS.user_id:
        raise PermissionDenied(f"user {owner.name} stands for requests without a key, and has none; add a user")


def _earliest(*ends: datetime | None) -> datetime | None:
    return min((end for end in ends if end is not None), default=None)


def _end_of_external(owner: UserRecord, most_days: float) -> datetime | None:
    """Give the last end of a key whose user may have left their identity provider by then."""
    is_bounded = owner.subject is not None and most_days
    return SystemClock().now() + timedelta(days=most_days) if is_bounded else None


def _scopes(wanted: schemas.NewApiKey, caller: Identity, owner: UserRecord) -> frozenset[Permission]:
    """Give what a key may be used for. Raises PermissionDenied for more than its maker, or its owner's role, grants."""
    beyond = sorted(set(wanted.scopes or ()) - caller.permissions)
    if beyond:
        raise PermissionDenied(f"the key in use grants no {', '.join(beyond)}, so that no key made with it can")
    scopes = caller.scopes if wanted.scopes is None else frozenset(wanted.scopes)
    return scopes if owner.subject is None else _within_role(scopes, wanted, caller, owner)


def _within_role(
    scopes: frozenset[Permission], wanted: schemas.NewApiKey, caller: Identity, owner: UserRecord
) -> frozenset[Permission]:
    """Keep of the scopes what the owner's role grants now: it comes with tokens, and may be a higher one tomorrow."""
    is_own = owner.id == caller.user_id
    granted = caller.permissions if is_own else Identity(owner.id, owner.name, owner.role).permissions
    beyond = sorted(scopes - granted) if wanted.scopes else ()
    if beyond:
        raise PermissionDenied(f"user {owner.name} has the role {owner.role}, which grants no {', '.join(beyond)}")
    return scopes & granted
