"""When the token was issued that a user's role comes from.

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("role_issued_at", MOMENT))


def downgrade() -> None:
    op.drop_column("users", "role_issued_at")
