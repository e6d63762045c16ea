"""What came of it: results, and the history that outlives jobs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, one_of
from database.types import SERIAL, Now
from qserver.jobs import FINAL_STATUSES, Program
from qserver.json_types import JsonObject


class ResultRow(Base):
    """The result of one PUB. The document is text: `jsonb` would reorder its keys and rewrite its numbers."""

    __tablename__ = "results"
    __table_args__ = (
        UniqueConstraint("job_id", "pub_index"),
        CheckConstraint("size_bytes >= 0 AND attempt >= 1 AND pub_index >= 0", name="numbers"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    pub_index: Mapped[int]
    document: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int]
    attempt: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=Now(), index=True)


class ResultArrayRow(Base):
    """Numbers of a result that are too many for JSON, as packed bytes."""

    __tablename__ = "result_arrays"

    result_id: Mapped[UUID] = mapped_column(ForeignKey("results.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    dtype: Mapped[str] = mapped_column(String(16))
    shape: Mapped[list[int]]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class HistoryRow(Base):
    """A job that is over, written in the transaction that ended it. The job itself may be deleted."""

    __tablename__ = "history"
    __table_args__ = (
        one_of("status", sorted(FINAL_STATUSES), name="status"),
        one_of("program", Program, name="program"),
        Index("ix_history_owner_id_id", "owner_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    job_id: Mapped[UUID] = mapped_column(unique=True)
    pointer: Mapped[int] = mapped_column(unique=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    circuit_id: Mapped[UUID] = mapped_column(ForeignKey("circuits.id"), index=True)
    program: Mapped[str] = mapped_column(String(16))
    plugin: Mapped[str] = mapped_column(String(200))
    route: Mapped[str] = mapped_column(String(250))
    request: Mapped[JsonObject]
    inputs: Mapped[JsonObject]
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str | None]
    attempt: Mapped[int]
    max_attempts: Mapped[int]
    submitted_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime] = mapped_column(index=True)
    event_sequence: Mapped[int]
