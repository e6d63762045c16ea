"""What stands twice in a list."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def first_repeated(items: Iterable[Item]) -> Item | None:
    """Give the first item that came before; None where each comes once. One look at each, however many there are."""
    seen: set[Item] = set()
    for item in items:
        if item in seen:
            return item
        seen.add(item)
    return None
