"""Which key a key was made with; keys of who stands for requests without one are worthless.

Revision: 0007
Revises: 0006
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ANONYMOUS = UUID("00000000-0000-4000-8000-000000000001")


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("made_by", sa.Uuid()))
    op.create_index("ix_api_keys_made_by", "api_keys", ["made_by"])
    keys = sa.table("api_keys", sa.column("owner_id", sa.Uuid()), sa.column("created_at"), sa.column("revoked_at"))
    is_nobodys = sa.and_(keys.c.owner_id == ANONYMOUS, keys.c.revoked_at.is_(None))
    op.execute(keys.update().where(is_nobodys).values(revoked_at=keys.c.created_at))


def downgrade() -> None:
    op.drop_index("ix_api_keys_made_by", "api_keys")
    op.drop_column("api_keys", "made_by")
