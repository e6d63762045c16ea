"""The contract of the repositories, on PostgreSQL. The same classes run on SQLite in tests/unit/database."""

from tests.unit.database.contract import *  # noqa: F403 - all that the contract names
