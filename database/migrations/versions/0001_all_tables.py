"""All tables.

Revision: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What the models say today may change; what this migration makes may not. So it names its own types.
MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = (
    "plugins",
    "users",
    "workers",
    "api_keys",
    "backends",
    "circuits",
    "dispatch_turns",
    "jobs",
    "submissions",
    "history",
    "job_events",
    "pubs",
    "results",
    "result_arrays",
)
"""In the order of creation."""


def upgrade() -> None:
    _create_plugins()
    _create_users()
    _create_workers()
    _create_api_keys()
    _create_backends()
    _create_circuits()
    _create_dispatch_turns()
    _create_jobs()
    _create_submissions()
    _create_history()
    _create_job_events()
    _create_pubs()
    _create_results()
    _create_result_arrays()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def _create_plugins() -> None:
    op.create_table(
        "plugins",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("distribution", sa.String(length=200)),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.CheckConstraint("(kind = 'file') = (distribution IS NOT NULL)", name="ck_plugins_file_has_distribution"),
        sa.CheckConstraint("kind IN ('built_in', 'file')", name="ck_plugins_kind"),
        sa.PrimaryKeyConstraint("name", name="pk_plugins"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("role IN ('admin', 'user', 'viewer')", name="ck_users_role"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("host", sa.String(length=400), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("routes", DOCUMENT, nullable=False),
        sa.Column("plugins", DOCUMENT, nullable=False),
        sa.Column("devices", DOCUMENT, nullable=False),
        sa.Column("installations", DOCUMENT, nullable=False),
        sa.Column("cores", sa.BigInteger(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("gpu_memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("simulator_processes", sa.BigInteger(), nullable=False),
        sa.Column("running_jobs", sa.BigInteger(), nullable=False),
        sa.Column("is_draining", sa.Boolean(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("heartbeat_at", MOMENT, nullable=False),
        sa.CheckConstraint("running_jobs >= 0", name="ck_workers_running_jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_index("ix_workers_heartbeat_at", "workers", ["heartbeat_at"])


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_api_keys_owner_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_index("ix_api_keys_owner_id", "api_keys", ["owner_id"])


def _create_backends() -> None:
    op.create_table(
        "backends",
        sa.Column("pointer", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("plugin", sa.String(length=200), nullable=False),
        sa.Column("plugin_backend", sa.String(length=200), nullable=False),
        sa.Column("spec", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["plugin"], ["plugins.name"], name="fk_backends_plugin", onupdate="RESTRICT", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pointer", name="pk_backends"),
        sa.UniqueConstraint("id", name="uq_backends_id"),
        sa.UniqueConstraint("name", name="uq_backends_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_backends_plugin", "backends", ["plugin"])


def _create_circuits() -> None:
    op.create_table(
        "circuits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("qpy", sa.LargeBinary()),
        sa.Column("profile", DOCUMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.CheckConstraint("format IN ('openqasm2', 'openqasm3', 'qpy', 'text')", name="ck_circuits_format"),
        sa.CheckConstraint("length(sha256) = 32", name="ck_circuits_sha256"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_circuits_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_circuits"),
        sa.UniqueConstraint("owner_id", "sha256", name="uq_circuits_owner_id_sha256"),
    )
    op.create_index("ix_circuits_used_at", "circuits", ["used_at"])


def _create_dispatch_turns() -> None:
    op.create_table(
        "dispatch_turns",
        sa.Column("route", sa.String(length=250), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("last_turn", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_dispatch_turns_owner_id"),
        sa.PrimaryKeyConstraint("route", "owner_id", name="pk_dispatch_turns"),
    )


_JOBS_CHECKS = (
    sa.CheckConstraint("(status = 'running') = (lease_expires_at IS NOT NULL)", name="ck_jobs_running_has_lease"),
    sa.CheckConstraint("(status = 'running') = (worker_id IS NOT NULL)", name="ck_jobs_running_has_worker"),
    sa.CheckConstraint(
        "(status IN ('finished', 'failed', 'canceled')) = (finished_at IS NOT NULL)", name="ck_jobs_final_has_end"
    ),
    sa.CheckConstraint("program IN ('circuit')", name="ck_jobs_program"),
    sa.CheckConstraint("status <> 'pending' OR attempt < max_attempts", name="ck_jobs_pending_has_attempt_left"),
    sa.CheckConstraint("status <> 'pending' OR started_at IS NULL", name="ck_jobs_pending_has_no_start"),
    sa.CheckConstraint("status = 'pending' OR published_at IS NULL", name="ck_jobs_published_is_pending"),
    sa.CheckConstraint("status = 'pending' OR set_aside_at IS NULL", name="ck_jobs_set_aside_is_pending"),
    sa.CheckConstraint("status IN ('pending', 'running', 'finished', 'failed', 'canceled')", name="ck_jobs_status"),
    sa.CheckConstraint("status NOT IN ('failed', 'canceled') OR reason IS NOT NULL", name="ck_jobs_end_has_reason"),
    sa.CheckConstraint("status NOT IN ('running', 'finished') OR attempt >= 1", name="ck_jobs_ran_has_attempt"),
    sa.CheckConstraint("status NOT IN ('running', 'finished') OR reason IS NULL", name="ck_jobs_success_has_no_reason"),
    sa.CheckConstraint("status NOT IN ('running', 'finished') OR started_at IS NOT NULL", name="ck_jobs_ran_has_start"),
    sa.CheckConstraint("attempt BETWEEN 0 AND max_attempts AND max_attempts >= 1", name="ck_jobs_attempt"),
    sa.CheckConstraint("event_sequence >= 1", name="ck_jobs_event_sequence"),
    sa.CheckConstraint("memory_bytes >= 0 AND estimated_seconds >= 0", name="ck_jobs_plan"),
)


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("pointer", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.String(length=16), nullable=False),
        sa.Column("backend", sa.String(length=400), nullable=False),
        sa.Column("plugin", sa.String(length=200), nullable=False),
        sa.Column("route", sa.String(length=250), nullable=False),
        sa.Column("request", DOCUMENT, nullable=False),
        sa.Column("plan", DOCUMENT, nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("estimated_seconds", sa.Double(), nullable=False),
        sa.Column("precedence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40)),
        sa.Column("message", sa.String()),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("max_attempts", sa.BigInteger(), nullable=False),
        sa.Column("worker_id", sa.Uuid()),
        sa.Column("lease_expires_at", MOMENT),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.Column("published_at", MOMENT),
        sa.Column("set_aside_at", MOMENT),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("time_limit_seconds", sa.Double()),
        sa.Column("event_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_jobs_owner_id"),
        sa.PrimaryKeyConstraint("pointer", name="pk_jobs"),
        sa.UniqueConstraint("id", name="uq_jobs_id"),
        *_JOBS_CHECKS,
        sqlite_autoincrement=True,
    )
    _index_jobs()


def _index_jobs() -> None:
    _create_partial_index("ix_jobs_expiring", "jobs", ["expires_at"], "status = 'pending' AND expires_at IS NOT NULL")
    _create_partial_index("ix_jobs_finished_at", "jobs", ["finished_at", "status"], "finished_at IS NOT NULL")
    _create_partial_index("ix_jobs_lease", "jobs", ["lease_expires_at"], "status = 'running'")
    op.create_index("ix_jobs_owner_id_pointer", "jobs", ["owner_id", "pointer"])
    _create_partial_index("ix_jobs_plugin", "jobs", ["plugin"], "status = 'pending'")
    _create_partial_index("ix_jobs_published", "jobs", ["route", "published_at"], "published_at IS NOT NULL")
    _create_partial_index("ix_jobs_set_aside", "jobs", ["route", "memory_bytes"], "set_aside_at IS NOT NULL")
    _create_partial_index(
        "ix_jobs_waiting",
        "jobs",
        ["route", "owner_id", "precedence", "pointer"],
        "status = 'pending' AND published_at IS NULL AND set_aside_at IS NULL",
    )


def _create_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(content_sha256) = 32", name="ck_submissions_content_sha256"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_submissions_owner_id"),
        sa.PrimaryKeyConstraint("owner_id", "request_id", name="pk_submissions"),
    )
    op.create_index("ix_submissions_job_id", "submissions", ["job_id"])


def _create_history() -> None:
    op.create_table(
        "history",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("pointer", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("circuit_id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.String(length=16), nullable=False),
        sa.Column("plugin", sa.String(length=200), nullable=False),
        sa.Column("route", sa.String(length=250), nullable=False),
        sa.Column("request", DOCUMENT, nullable=False),
        sa.Column("inputs", DOCUMENT, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40)),
        sa.Column("message", sa.String()),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("max_attempts", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.Column("event_sequence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("program IN ('circuit')", name="ck_history_program"),
        sa.CheckConstraint("status IN ('canceled', 'failed', 'finished')", name="ck_history_status"),
        sa.ForeignKeyConstraint(["circuit_id"], ["circuits.id"], name="fk_history_circuit_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_history_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
        sa.UniqueConstraint("job_id", name="uq_history_job_id"),
        sa.UniqueConstraint("pointer", name="uq_history_pointer"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_history_owner_id_id", "history", ["owner_id", "id"])
    op.create_index("ix_history_circuit_id", "history", ["circuit_id"])
    op.create_index("ix_history_finished_at", "history", ["finished_at"])


def _create_job_events() -> None:
    op.create_table(
        "job_events",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("reason", sa.String(length=40)),
        sa.Column("message", sa.String()),
        sa.Column("actor", sa.String(length=400)),
        sa.Column("address", sa.String(length=200)),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'finished', 'failed', 'canceled')", name="ck_job_events_status"
        ),
        sa.CheckConstraint("sequence >= 1", name="ck_job_events_sequence"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_events_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "sequence", name="pk_job_events"),
    )


def _create_pubs() -> None:
    op.create_table(
        "pubs",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("pub_index", sa.BigInteger(), nullable=False),
        sa.Column("circuit_id", sa.Uuid(), nullable=False),
        sa.Column("inputs", DOCUMENT, nullable=False),
        sa.CheckConstraint("pub_index >= 0", name="ck_pubs_pub_index"),
        sa.ForeignKeyConstraint(["circuit_id"], ["circuits.id"], name="fk_pubs_circuit_id"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_pubs_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "pub_index", name="pk_pubs"),
    )
    op.create_index("ix_pubs_circuit_id", "pubs", ["circuit_id"])


def _create_results() -> None:
    op.create_table(
        "results",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("pub_index", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.CheckConstraint("size_bytes >= 0 AND attempt >= 1 AND pub_index >= 0", name="ck_results_numbers"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_results_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_results"),
        sa.UniqueConstraint("job_id", "pub_index", name="uq_results_job_id_pub_index"),
    )
    op.create_index("ix_results_created_at", "results", ["created_at"])


def _create_result_arrays() -> None:
    op.create_table(
        "result_arrays",
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("dtype", sa.String(length=16), nullable=False),
        sa.Column("shape", DOCUMENT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["results.id"], name="fk_result_arrays_result_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("result_id", "position", name="pk_result_arrays"),
    )
