"""What Alembic runs for each command. The connection is given by `database/migrate.py`, with its transaction."""

from alembic import context

from database.migrate import CONNECTION
from database.tables import METADATA

context.configure(
    connection=context.config.attributes[CONNECTION],
    target_metadata=METADATA,
    compare_type=True,
    compare_server_default=True,
    # SQLite changes a table by copying it.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
