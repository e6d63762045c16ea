"""What every party gets to run, and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Terms = Sequence[tuple[str, float]]
"""An observable: Pauli strings (rightmost letter is qubit 0) and their coefficients."""


@dataclass(frozen=True, slots=True)
class Task:
    """A circuit as OpenQASM 2 text that ends with the measurement of every qubit into the bit of its number.

    Counts are wanted; with observables, quasi_dist and expval too.
    """

    source: str
    shots: int
    observables: Sequence[Terms] = ()


class Outcome(NamedTuple):
    """What came of a task. Counts by bitstring; quasi_dist by the outcome as an integer, or as its decimal text."""

    counts: Mapping[str, int]
    quasi_dist: Mapping[int, float] | Mapping[str, float]
    expval: Sequence[float]
