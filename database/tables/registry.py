"""What can run circuits: plugins, the backends they bring, and the workers that serve them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from database.records import PluginKind
from database.tables.base import Base, one_of
from database.types import SERIAL, Now
from qserver.json_types import JsonObject


class PluginRow(Base):
    """A registered plugin."""

    __tablename__ = "plugins"
    __table_args__ = (
        one_of("kind", PluginKind, name="kind"),
        CheckConstraint("(kind = 'file') = (distribution IS NOT NULL)", name="file_has_distribution"),
    )

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(200))
    distribution: Mapped[str | None] = mapped_column(String(200))
    added_at: Mapped[datetime] = mapped_column(default=Now())


class BackendRow(Base):
    """A registered backend."""

    __tablename__ = "backends"
    __table_args__ = ({"sqlite_autoincrement": True},)

    pointer: Mapped[int] = mapped_column(SERIAL, primary_key=True, autoincrement=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(400), unique=True)
    plugin: Mapped[str] = mapped_column(
        String(200), ForeignKey("plugins.name", ondelete="CASCADE", onupdate="RESTRICT"), index=True
    )
    plugin_backend: Mapped[str] = mapped_column(String(200))
    spec: Mapped[JsonObject]


class WorkerRow(Base):
    """A worker as it describes itself. Jobs name it without a foreign key: a lease may outlive this row."""

    __tablename__ = "workers"
    __table_args__ = (CheckConstraint("running_jobs >= 0", name="running_jobs"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(400))
    host: Mapped[str] = mapped_column(String(400))
    version: Mapped[str] = mapped_column(String(200))
    routes: Mapped[list[str]]
    plugins: Mapped[list[str]]
    devices: Mapped[list[str]]
    installations: Mapped[JsonObject]
    cores: Mapped[int]
    memory_bytes: Mapped[int]
    gpu_memory_bytes: Mapped[int]
    simulator_processes: Mapped[int]
    running_jobs: Mapped[int]
    is_draining: Mapped[bool]
    started_at: Mapped[datetime] = mapped_column(default=Now())
    heartbeat_at: Mapped[datetime] = mapped_column(default=Now(), index=True)
