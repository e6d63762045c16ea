"""What every measure is: a name, sizes, and one round at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

from bench.figures import Figure, Found
from bench.house import House


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of a measure; the one with number 0 warms up."""

    number: int
    scale: float

    def seed(self, measure: str) -> int:
        """Give the seed of a measure's circuits, of its own in each round: QServer knows circuits that come again."""
        return crc32(f"{measure} {self.number}".encode())

    def size(self, full: int, *, least: int = 32) -> int:
        """Shrink a number of circuits for a trial."""
        return max(min(least, full), round(full * self.scale))


class Measure(Protocol):
    """A row of the table, or a few that come of the same work."""

    @property
    def name(self) -> str:
        """What `--only` calls it."""
        ...

    @property
    def warms_itself(self) -> bool:
        """Whether a round warms everybody up, so that no round 0 is needed."""
        ...

    def figures(self, scale: float) -> Sequence[Figure]:
        """Say what it finds, with the sizes in the words."""
        ...

    def run(self, house: House, turn: Round) -> Found:
        """Measure all parties in turns. Raises NotRunError where the house doesn't serve what it takes."""
        ...
