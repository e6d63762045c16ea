"""How much of a service's room each client holds: what is bounded by client leaves the rest to others."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from qserver.addresses import network_of
from qserver.identity import ANONYMOUS, Identity


def holder_of(caller: Identity) -> str:
    """Name the client that a caller is counted as: their user, or, of those who need no key, where they come from."""
    return network_of(caller.address) if caller.user_id == ANONYMOUS.user_id else str(caller.user_id)


class Shares:
    """Counts what each client holds. For one event loop."""

    def __init__(self) -> None:
        """Have nobody hold anything."""
        self._held: Counter[str] = Counter()

    def held(self, holder: str) -> int:
        """Tell how much a client holds."""
        return self._held[holder]

    @contextmanager
    def take(self, holder: str) -> Iterator[None]:
        """Hold one more for the time of the block."""
        self._held[holder] += 1
        try:
            yield
        finally:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]
