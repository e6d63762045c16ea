"""What a measure finds: values of each party, round by round, and the ratios that are to be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

QSERVER = "QServer"


class NotRunError(Exception):
    """A measure can't run here, for the reason that its message says."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ratio of two parties' values, or one value alone, and what it is to be at least or at most."""

    over: str
    under: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    def ratio(self, values: Mapping[str, float]) -> float:
        """Give what is compared, of one round."""
        return values[self.over] / (values[self.under] if self.under else 1)

    @property
    def title(self) -> str:
        """Name it."""
        return f"{self.over} / {self.under}" if self.under else self.over

    @property
    def target(self) -> str:
        """Say what is to be reached."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return "stated" if self.at_most is None else f"at most {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a measure finds for each of its parties."""

    what: str
    unit: str
    comparisons: Sequence[Comparison]


@dataclass(frozen=True, slots=True)
class Found:
    """One round of a measure: values by figure and party, and milliseconds of CPU a job by party and part."""

    values: Mapping[str, Mapping[str, float]]
    cpu_milliseconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A measure with all its rounds, or the reason why it didn't run."""

    name: str
    figures: Sequence[Figure]
    rounds: Sequence[Found]
    not_run: str = ""

    def values(self, figure: Figure, party: str) -> Sequence[float]:
        """Give a party's values, round by round."""
        return [found.values[figure.what][party] for found in self.rounds]

    def ratios(self, figure: Figure, comparison: Comparison) -> Sequence[float]:
        """Give what is compared, round by round."""
        return [comparison.ratio(found.values[figure.what]) for found in self.rounds]

    def parties(self, figure: Figure) -> Sequence[str]:
        """Name who has a value of it."""
        return list(self.rounds[0].values[figure.what]) if self.rounds else ()
