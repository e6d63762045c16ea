"""A middle and how far things lie from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Describe `values`, of which there is at least one."""
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        """Write it as tables do."""
        return f"{number(self.median)} ({number(self.least)} to {number(self.most)})"


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the smallest of `values` that `percent` % of them don't exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def number(value: float) -> str:
    """Write three digits that count, and all before the point."""
    if abs(value) >= 100:  # noqa: PLR2004 - from here on the digits before the point are enough
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")
