"""What stands twice in a list."""

import pytest

from qserver.repeated import first_repeated


@pytest.mark.parametrize(
    ("items", "found"),
    [([], None), (["a"], None), (["a", "b", "a"], "a"), (["a", "b", "b", "a"], "b")],
)
def test_the_first_item_that_came_before_is_found(items: list[str], found: str | None) -> None:
    assert first_repeated(items) == found


def test_a_hundred_thousand_items_are_looked_at_once_each() -> None:
    looks = 0

    class Item:
        def __hash__(self) -> int:
            nonlocal looks
            looks += 1
            return id(self)

    items = [Item() for _ in range(100_000)]

    assert first_repeated([*items, items[-1]]) is items[-1]
    assert looks <= 3 * len(items)
