"""Who owns what, by which key they prove it, and what they did."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, one_of
from database.types import SERIAL, Now
from qserver.identity import Role
from qserver.json_types import JsonObject


class UserRow(Base):
    """Somebody who owns jobs. Never removed, as jobs and history point here: disabled instead."""

    __tablename__ = "users"
    __table_args__ = (
        one_of("role", Role, name="role"),
        Index("ix_users_subject", "subject", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=Now())
    subject: Mapped[str | None] = mapped_column(String(500))  # who they are to an issuer of tokens
    disabled_at: Mapped[datetime | None]
    role_issued_at: Mapped[datetime | None]  # when the token was issued that the role comes from


class ApiKeyRow(Base):
    """A key: only its hash is kept."""

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=Now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    made_by: Mapped[UUID | None] = mapped_column(index=True)  # the key it was made with, which may be gone by now


class UsageRow(Base):
    """What a user has of what quotas limit, or, under an id of its own, all users together: see `database/jobs/quotas`.

    A memory alone, and made anew where it is missing. No foreign key: the service is no user.
    """

    __tablename__ = "usage"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    pending_at_most: Mapped[int]
    pending_counted_at: Mapped[datetime | None]
    stored_at_most: Mapped[int]
    stored_counted_at: Mapped[datetime | None]
    minute_submissions: Mapped[int]
    minute_at: Mapped[datetime] = mapped_column(default=Now())  # when the minute began that these were submitted in
    job_seconds: Mapped[float]
    job_seconds_until: Mapped[datetime | None]  # when they will be within the quota again
    stored_bytes: Mapped[int]
    measured_at: Mapped[datetime | None]  # when seconds and bytes were summed up


class AuditRow(Base):
    """Something that somebody did, and from where. No foreign keys: it outlives what it speaks of."""

    __tablename__ = "audit"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(default=Now(), index=True)
    actor_id: Mapped[UUID | None]
    actor: Mapped[str] = mapped_column(String(400))
    address: Mapped[str | None] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(400))
    detail: Mapped[JsonObject]
