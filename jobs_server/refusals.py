"""Circuits that cost an inspector all its time or memory, remembered for a while: the same again is refused unread."""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from database.records import CircuitKey
from qserver.clock import Clock
from qserver.errors import InvalidCircuit

_KEPT = 4096


class CostlyCircuit(InvalidCircuit):
    """Reading it passed a limit of time or memory, or killed the process that read it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    refusal: CostlyCircuit
    until_seconds: float


class Refusals:
    """Remembers the latest few thousand. Of each owner's own circuits: nobody learns what others have sent."""

    def __init__(self, *, keep_seconds: float, clock: Clock) -> None:
        """Remember each for `keep_seconds`; 0 remembers none."""
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._kept: OrderedDict[CircuitKey, _Kept] = OrderedDict()

    def remember(self, key: CircuitKey, refusal: CostlyCircuit) -> None:
        """Refuse the circuit for a while."""
        self._kept[key] = _Kept(refusal, self._clock.monotonic_seconds() + self._keep_seconds)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def recall(self, key: CircuitKey) -> InvalidCircuit | None:
        """Give why a circuit was refused a while ago, and when it is read again; None where it is to be read."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        left_seconds = kept.until_seconds - self._clock.monotonic_seconds()
        if left_seconds <= 0:
            del self._kept[key]
            return None
        return InvalidCircuit(
            f"{kept.refusal.message}; the same circuit is not read again for another {ceil(left_seconds)} s "
            "(QSERVER_INSPECTOR_REFUSAL_SECONDS)"
        )
