"""Where the truth is kept: tables, repositories, migrations. The only place with SQL."""

from database.cache_keys import cache_key
from database.changes import Change, ChangeFeed, ChangeKind, Subscription
from database.circuits import circuit_hash
from database.database import Database
from database.transaction import Transaction

__all__ = ["Change", "ChangeFeed", "ChangeKind", "Database", "Subscription", "Transaction", "cache_key", "circuit_hash"]
