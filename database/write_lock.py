"""Whose turn it is to write, where only one can: SQLite's own lock has no queue.

Who waits for that one asks again after up to 0.1 s, and whoever asks at the right moment gets it. With 32 writers one
waited 8 s for its turn (of the 10 s that it is given), and all of them together got half as much done; and those who
wait hold the connections that readers need.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from qserver.errors import Unavailable


class WriteLock:
    """Lets the threads of this process write one after the other. Other processes still meet at SQLite's lock.

    Turns come in the order of asking. A plain lock goes to whoever asks at the right moment, most often the thread that
    has just given it back: with 16 writers of 57 ms one waited 6.6 s, and 1.5 s in order.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        """Wait for a turn so long."""
        self._timeout_seconds = timeout_seconds
        self._changing = Lock()  # held for moments, around the two below
        self._is_taken = False
        self._waiting: deque[Lock] = deque()  # each is released when its turn has come

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have the turn within the block. Raises Unavailable where it didn't come in time."""
        self._take()
        try:
            yield
        finally:
            self._hand_on()

    def _take(self) -> None:
        with self._changing:
            if not self._is_taken:
                self._is_taken = True
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if not turn.acquire(timeout=self._timeout_seconds):
            self._leave(turn)

    def _leave(self, turn: Lock) -> None:
        """Wait no longer. Raises Unavailable, unless the turn has come at this very moment."""
        with self._changing:
            if turn not in self._waiting:
                return
            self._waiting.remove(turn)
        raise Unavailable(
            f"others wrote to the database for {self._timeout_seconds:g} s (QSERVER_DATABASE_TIMEOUT_SECONDS)"
        )

    def _hand_on(self) -> None:
        with self._changing:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
