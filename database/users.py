"""Who owns jobs."""

from database.tables import users
from database.work import Work
from qserver.identity import ANONYMOUS


class Users:
    """The users of the service."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def ensure_anonymous(self) -> None:
        """Make sure of the one user of a service without keys. Safe to repeat."""
        row = {"id": ANONYMOUS.user_id, "name": ANONYMOUS.name, "role": ANONYMOUS.role}
        self._work.execute(self._work.insert(users).values(row).on_conflict_do_nothing())
