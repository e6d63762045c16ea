"""A lock whose waiters say what they wait for, and are woken for that alone."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Condition, Lock
from types import TracebackType


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    is_met: Callable[[], bool]
    for_one_of: Hashable | None
    condition: Condition


class WaitingRoom:
    """Like a `threading.Condition`, but whoever changes something looks in the place of those who wait.

    A look takes microseconds. To wake a thread that looks, finds nothing and waits again takes a hundred, in which the
    others wait for the interpreter.
    """

    def __init__(self) -> None:
        """Have nobody wait."""
        self._lock = Lock()
        self._waiters: list[_Waiter] = []

    def __enter__(self) -> None:
        """Take the lock."""
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._lock.release()

    def wait_for(
        self, is_met: Callable[[], bool], timeout_seconds: float, *, for_one_of: Hashable | None = None
    ) -> bool:
        """Wait with the lock given back until `is_met`; tell whether it is, in the end.

        It is called by others too: whoever has changed what it reads must `notify`. Waiters with the same `for_one_of`
        have the same `is_met` and compete for what they wait for: the last to come is woken alone, and must `notify`
        once it has taken one, as there may be another.
        """
        if is_met():
            return True
        waiter = _Waiter(is_met, for_one_of, Condition(self._lock))
        self._waiters.append(waiter)
        try:
            return waiter.condition.wait_for(is_met, timeout_seconds)
        finally:
            self._waiters.remove(waiter)

    def notify(self) -> None:
        """Wake those who wait for what is so now. The lock must be held."""
        asked: set[Hashable] = set()
        for waiter in reversed(self._waiters):
            if waiter.for_one_of in asked:
                continue
            if waiter.for_one_of is not None:
                asked.add(waiter.for_one_of)
            if waiter.is_met():
                waiter.condition.notify()

    def notify_all(self) -> None:
        """Wake everybody. The lock must be held."""
        for waiter in self._waiters:
            waiter.condition.notify()
