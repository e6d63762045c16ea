"""What users have of what quotas limit.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pending_at_most", sa.BigInteger(), nullable=False),
        sa.Column("pending_counted_at", MOMENT),
        sa.Column("stored_at_most", sa.BigInteger(), nullable=False),
        sa.Column("stored_counted_at", MOMENT),
        sa.Column("minute_submissions", sa.BigInteger(), nullable=False),
        sa.Column("minute_at", MOMENT, nullable=False),
        sa.Column("job_seconds", sa.Double(), nullable=False),
        sa.Column("job_seconds_until", MOMENT),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False),
        sa.Column("measured_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
    )


def downgrade() -> None:
    op.drop_table("usage")
