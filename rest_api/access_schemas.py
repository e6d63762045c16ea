"""What is sent and answered about users, keys and the audit trail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from database.people_records import AuditAction
from qserver.identity import Permission, Role
from rest_api.patterns import NAME, PRINTABLE
from rest_api.request_body import RequestBody
from rest_api.submission import Moment

MAX_NAME_LENGTH: Final = 100

UserName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH, pattern=NAME, examples=["ada"])]
"""A name of our own users: nothing that a page, a log or a path could take for something else."""

AnyName = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
"""A name of any user, also of one whom an issuer of tokens named."""

Scopes = Annotated[list[Permission], Field(min_length=1, max_length=len(Permission), fail_fast=True)]


class NewUser(RequestBody):
    """A user to be added."""

    name: UserName
    role: Role = Role.USER


class UserChange(RequestBody):
    """What of a user is to change; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = Field(default=None, strict=True, description="shut out, with all keys; jobs stay")


class NewApiKey(RequestBody):
    """A key to be made."""

    name: UserName = Field(description="to tell it from others of the same user", examples=["laptop"])
    user: AnyName | None = Field(default=None, description="whose; an administrator may name others than themselves")
    scopes: Scopes | None = Field(
        default=None, description="what the key may be used for; all that its user may do, where left out"
    )
    expires_at: Moment | None = Field(default=None, description="worthless from then on; never, where left out")


@dataclass(frozen=True, slots=True)
class Me:
    """Who the caller is to the service."""

    id: UUID
    name: str
    role: Role
    permissions: Annotated[Sequence[Permission], Field(description="what role and key together allow")]


@dataclass(frozen=True, slots=True)
class User:
    """A user."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    external: Annotated[bool, Field(description="whether they come by tokens of the trusted issuer")]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without the key itself."""

    id: UUID
    name: str
    user: str
    scopes: Sequence[Permission]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="to the minute")]
    made_by: Annotated[UUID | None, Field(description="the key that it was made with, and is revoked with")]


@dataclass(frozen=True, slots=True)
class MadeApiKey:
    """A key that was just made."""

    key: Annotated[str, Field(description="the key itself: shown this once, and kept nowhere")]
    about: ApiKey


@dataclass(frozen=True, slots=True)
class Revocation:
    """Keys that were just revoked."""

    msg: str
    revoked: Annotated[
        Sequence[UUID], Field(description="the key, where it was not revoked before, and what went with it")
    ]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that somebody did."""

    id: Annotated[int, Field(description="rises with each entry")]
    at: datetime
    actor: str
    address: str | None
    action: AuditAction
    subject: Annotated[str, Field(description="what it was done to: a name, or an id")]
    detail: Mapping[str, object]
