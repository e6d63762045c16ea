"""What bad input was tried, for the page `docs/bad-input.md`: a test that tries something says so beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Tried:
    """Something bad, by which door it came, and what became of it."""

    kind: str
    what: str
    door: str
    answer: str


TRIED: dict[str, list[Tried]] = {}
"""By the name of the module, for those that were imported."""


def tried(kind: str, what: str, *, door: str, answer: str) -> Callable[[Test], Test]:
    """Put what a test tries on the page."""

    def mark(test: Test) -> Test:
        TRIED.setdefault(test.__module__, []).append(Tried(kind, what, door, answer))
        return test

    return mark
