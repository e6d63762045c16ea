"""What makes two jobs equal, so that one result may answer both.

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # As one statement: SQLite adds a constraint only together with its column.
    kind = "BYTEA" if op.get_bind().dialect.name == "postgresql" else "BLOB"
    op.execute(
        f"ALTER TABLE jobs ADD COLUMN cache_key {kind} CONSTRAINT ck_jobs_cache_key CHECK (length(cache_key) = 32)"
    )
    where = sa.text("status = 'finished' AND cache_key IS NOT NULL")
    op.create_index(
        "ix_jobs_cache_key", "jobs", ["cache_key", "started_at"], postgresql_where=where, sqlite_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_jobs_cache_key", "jobs")
    op.drop_column("jobs", "cache_key")
