"""Ids that are made together lie together."""

import time
from uuid import RFC_4122

from qserver.ids import new_id


def test_ids_are_of_version_7_and_all_differ() -> None:
    made = [new_id() for _ in range(10_000)]

    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}
    assert len(set(made)) == len(made)


def test_they_begin_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = new_id().int >> 80

    assert before <= milliseconds <= time.time_ns() // 1_000_000


def test_all_other_bits_are_random() -> None:
    made = [new_id().int for _ in range(200)]
    fixed = (0xF << 76) | (0b11 << 62)

    for bit in range(80):
        if not fixed >> bit & 1:
            assert 0 < sum(each >> bit & 1 for each in made) < len(made), bit
