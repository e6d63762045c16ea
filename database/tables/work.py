"""Work to be done: circuits, jobs and their inputs, what was submitted, and whose turn it is."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, one_of
from database.types import SERIAL, Now
from qserver.circuits import CircuitFormat
from qserver.jobs import JobStatus, Program
from qserver.json_types import JsonObject

IS_FINAL = "status IN ('finished', 'failed', 'canceled')"


class CircuitRow(Base):
    """A circuit as it was sent, once an owner. `qpy` is None where the source itself is the QPY, or loads as fast."""

    __tablename__ = "circuits"
    __table_args__ = (
        UniqueConstraint("owner_id", "sha256"),
        one_of("format", CircuitFormat, name="format"),
        CheckConstraint("length(sha256) = 32", name="sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    format: Mapped[str] = mapped_column(String(16))
    source: Mapped[bytes] = mapped_column(LargeBinary)
    qpy: Mapped[bytes | None] = mapped_column(LargeBinary)
    profile: Mapped[JsonObject | None]
    created_at: Mapped[datetime] = mapped_column(default=Now())
    used_at: Mapped[datetime] = mapped_column(default=Now(), index=True)


class NoiseModelRow(Base):
    """A noise model that is too large for a job's options, once an owner: JSON text, of which `sha256` is the hash."""

    __tablename__ = "noise_models"
    __table_args__ = (
        UniqueConstraint("owner_id", "sha256"),
        CheckConstraint("length(sha256) = 32", name="sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=Now())
    used_at: Mapped[datetime] = mapped_column(default=Now(), index=True)


class JobRow(Base):
    """A job. Its constraints are the invariants of `database/jobs`: a row that breaks one can't be stored.

    The pointer is the key that orders; `id` is the name that clients know. The circuit and the inputs stand in `pubs`.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("status", JobStatus, name="status"),
        one_of("program", Program, name="program"),
        CheckConstraint("(status = 'running') = (worker_id IS NOT NULL)", name="running_has_worker"),
        CheckConstraint("(status = 'running') = (lease_expires_at IS NOT NULL)", name="running_has_lease"),
        CheckConstraint(f"({IS_FINAL}) = (finished_at IS NOT NULL)", name="final_has_end"),
        CheckConstraint("status NOT IN ('running', 'finished') OR started_at IS NOT NULL", name="ran_has_start"),
        CheckConstraint("status <> 'pending' OR started_at IS NULL", name="pending_has_no_start"),
        CheckConstraint("status = 'pending' OR published_at IS NULL", name="published_is_pending"),
        CheckConstraint("status = 'pending' OR set_aside_at IS NULL", name="set_aside_is_pending"),
        CheckConstraint("status NOT IN ('failed', 'canceled') OR reason IS NOT NULL", name="end_has_reason"),
        CheckConstraint("status NOT IN ('running', 'finished') OR reason IS NULL", name="success_has_no_reason"),
        CheckConstraint("attempt BETWEEN 0 AND max_attempts AND max_attempts >= 1", name="attempt"),
        CheckConstraint("status NOT IN ('running', 'finished') OR attempt >= 1", name="ran_has_attempt"),
        CheckConstraint("status <> 'pending' OR attempt < max_attempts", name="pending_has_attempt_left"),
        CheckConstraint("memory_bytes >= 0 AND estimated_seconds >= 0", name="plan"),
        CheckConstraint("event_sequence >= 1", name="event_sequence"),
        CheckConstraint("length(cache_key) = 32", name="cache_key"),
        # Waiting work in the order in which it is picked: see dispatch.py, whose cost rests on it.
        Index(
            "ix_jobs_waiting",
            "route",
            "owner_id",
            "precedence",
            "pointer",
            postgresql_where=text("status = 'pending' AND published_at IS NULL AND set_aside_at IS NULL"),
            sqlite_where=text("status = 'pending' AND published_at IS NULL AND set_aside_at IS NULL"),
        ),
        Index(
            "ix_jobs_set_aside",
            "route",
            "memory_bytes",
            postgresql_where=text("set_aside_at IS NOT NULL"),
            sqlite_where=text("set_aside_at IS NOT NULL"),
        ),
        Index(
            "ix_jobs_published",
            "route",
            "published_at",
            postgresql_where=text("published_at IS NOT NULL"),
            sqlite_where=text("published_at IS NOT NULL"),
        ),
        Index(
            "ix_jobs_lease",
            "lease_expires_at",
            postgresql_where=text("status = 'running'"),
            sqlite_where=text("status = 'running'"),
        ),
        Index(
            "ix_jobs_expiring",
            "expires_at",
            postgresql_where=text("status = 'pending' AND expires_at IS NOT NULL"),
            sqlite_where=text("status = 'pending' AND expires_at IS NOT NULL"),
        ),
        # For a plugin that is removed or still installs.
        Index(
            "ix_jobs_plugin",
            "plugin",
            postgresql_where=text("status = 'pending'"),
            sqlite_where=text("status = 'pending'"),
        ),
        Index("ix_jobs_owner_id_pointer", "owner_id", "pointer"),
        Index(
            "ix_jobs_finished_at",
            "finished_at",
            "status",  # so that counting what is over reads the index alone
            postgresql_where=text("finished_at IS NOT NULL"),
            sqlite_where=text("finished_at IS NOT NULL"),
        ),
        # For a job that an equal one's result may answer.
        Index(
            "ix_jobs_cache_key",
            "cache_key",
            "started_at",
            postgresql_where=text("status = 'finished' AND cache_key IS NOT NULL"),
            sqlite_where=text("status = 'finished' AND cache_key IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    pointer: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    program: Mapped[str] = mapped_column(String(16))
    backend: Mapped[str] = mapped_column(String(400))
    # No foreign key: a job outlives its plugin.
    plugin: Mapped[str] = mapped_column(String(200))
    route: Mapped[str] = mapped_column(String(250))
    request: Mapped[JsonObject]
    plan: Mapped[JsonObject]
    memory_bytes: Mapped[int]
    estimated_seconds: Mapped[float]
    precedence: Mapped[int]  # the priority turned round, lowest first: an index over plain columns serves the order
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None]
    attempt: Mapped[int]
    max_attempts: Mapped[int]
    worker_id: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime] = mapped_column(default=Now())
    published_at: Mapped[datetime | None]
    set_aside_at: Mapped[datetime | None]  # since when it waits for a worker with more memory than any has
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    time_limit_seconds: Mapped[float | None]
    event_sequence: Mapped[int]
    cache_key: Mapped[bytes | None] = mapped_column(LargeBinary)  # where the job asked for the result cache


class PubRow(Base):
    """One input of a job: a circuit with its shots, observables and precision. A job of one circuit has one."""

    __tablename__ = "pubs"
    __table_args__ = (CheckConstraint("pub_index >= 0", name="pub_index"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    pub_index: Mapped[int] = mapped_column(primary_key=True)
    circuit_id: Mapped[UUID] = mapped_column(ForeignKey("circuits.id"), index=True)
    inputs: Mapped[JsonObject]


class PubValuesRow(Base):
    """The values of a PUB's parameters, as bytes: read where it is to be run, and nowhere else."""

    __tablename__ = "pub_values"
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "pub_index"], ["pubs.job_id", "pubs.pub_index"], ondelete="CASCADE"),
    )

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    pub_index: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class JobNoiseModelRow(Base):
    """Which stored noise model a job's options name. As a table of its own it costs the other jobs nothing."""

    __tablename__ = "job_noise_models"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    noise_model_id: Mapped[UUID] = mapped_column(ForeignKey("noise_models.id"), index=True)


class SubmissionRow(Base):
    """A request_id that was used. It outlives its job, as long as the job's history: so no foreign key to it."""

    __tablename__ = "submissions"
    __table_args__ = (CheckConstraint("length(content_sha256) = 32", name="content_sha256"),)

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    job_id: Mapped[UUID] = mapped_column(index=True)


class JobEventRow(Base):
    """One change of a job's state: when, who, why. `address` is the client's, where one asked."""

    __tablename__ = "job_events"
    __table_args__ = (
        one_of("status", JobStatus, name="status"),
        CheckConstraint("sequence >= 1", name="sequence"),
    )

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(default=Now())
    reason: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None]
    actor: Mapped[str | None] = mapped_column(String(400))
    address: Mapped[str | None] = mapped_column(String(200))


class DispatchTurnRow(Base):
    """When an owner was last served on a route: the one served longest ago comes first."""

    __tablename__ = "dispatch_turns"

    route: Mapped[str] = mapped_column(String(250), primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    last_turn: Mapped[int]
