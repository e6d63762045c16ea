"""Figures are described by their middle and their edges."""

import pytest

from bench.spread import Spread, number, percentile


def test_a_spread_is_median_least_and_most() -> None:
    spread = Spread.of([3.0, 1.0, 2.0, 10.0])

    assert spread == Spread(2.5, 1.0, 10.0)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1), (0.1, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert percentile(values, percent) == expected


def test_the_99th_percentile_of_few_values_is_the_largest() -> None:
    assert percentile([1.0, 5.0, 2.0], 99) == 5.0


@pytest.mark.parametrize(
    ("value", "text"),
    [(2176.9, "2,177"), (100.0, "100"), (99.44, "99.4"), (0.09876, "0.0988"), (12.0, "12.0"), (-0.168, "-0.168")],
)
def test_a_number_shows_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text
