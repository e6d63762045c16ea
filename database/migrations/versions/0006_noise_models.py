"""Noise models beside the jobs that name them.

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "noise_models",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(sha256) = 32", name="ck_noise_models_sha256"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_noise_models_owner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_noise_models"),
        sa.UniqueConstraint("owner_id", "sha256", name="uq_noise_models_owner_id_sha256"),
    )
    op.create_index("ix_noise_models_used_at", "noise_models", ["used_at"])
    op.create_table(
        "job_noise_models",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("noise_model_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_noise_models_job_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["noise_model_id"], ["noise_models.id"], name="fk_job_noise_models_noise_model_id"),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_noise_models"),
    )
    op.create_index("ix_job_noise_models_noise_model_id", "job_noise_models", ["noise_model_id"])


def downgrade() -> None:
    op.drop_table("job_noise_models")
    op.drop_table("noise_models")
