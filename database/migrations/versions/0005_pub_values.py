"""Values of a PUB's parameters, for jobs of PUBs.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pub_values",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("pub_index", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id", "pub_index"],
            ["pubs.job_id", "pubs.pub_index"],
            name="fk_pub_values_job_id_pub_index",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "pub_index", name="pk_pub_values"),
    )


def downgrade() -> None:
    op.drop_table("pub_values")
