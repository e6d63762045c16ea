"""Users and keys, as authenticators ask for them: each question in a transaction of its own."""

from database.database import Database
from qserver.access.directory import KeyHolder, TokenHolder
from qserver.identity import Identity


class DatabaseDirectory:
    """A `qserver.access.directory.Directory` over a database."""

    def __init__(self, database: Database) -> None:
        """Use a database that somebody else closes."""
        self._database = database

    def find_key(self, key_hash: bytes) -> KeyHolder | None:
        """Find who a key belongs to, and remember that it was used. Raises Unavailable."""
        with self._database.reading() as transaction:
            found = transaction.keys.find(key_hash)
        if found is None:
            return None
        if found.is_use_due:
            with self._database.transaction() as transaction:
                transaction.keys.mark_used(key_hash)
        return found.holder

    def take_in(self, holder: TokenHolder) -> Identity | None:
        """Give the user that a token names, made or brought up to date; None where that user is disabled."""
        with self._database.transaction() as transaction:
            user = transaction.users.take_in(holder.subject, holder.name, holder.role)
        return None if user.disabled_at is not None else Identity(user.id, user.name, holder.role)
