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
            arrival = transaction.users.take_in(holder)
            bearer = Identity(arrival.user.id, arrival.user.name, holder.role)
            if arrival.change is not None:
                detail = {"role": arrival.user.role, "by": holder.subject.partition("|")[0]}
                transaction.audit.record(bearer, arrival.change, bearer.name, detail)
        return None if arrival.user.disabled_at is not None else bearer
