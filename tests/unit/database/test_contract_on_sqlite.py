"""The contract of the repositories, on SQLite. The same classes run on PostgreSQL in tests/integration/database."""

from tests.unit.database.contract import *  # noqa: F403 - all that the contract names
