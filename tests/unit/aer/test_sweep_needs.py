"""What each point of a sweep needs: everything that is asked for, and nothing twice."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from plugins.aer.sweep_needs import Values, needs_of
from qserver.sweeps import Sweep


def pairs(sweep: Sweep) -> tuple[Values, int]:
    """Give for each value of the result the number of its pair, and how many pairs are evaluated for them."""
    result = np.full(sweep.result_shape, -1.0, dtype=np.float64)
    evaluated = 0
    for needs in needs_of(sweep):
        values: Values = (needs.points.reshape(-1, 1) * 1000 + needs.observables.reshape(1, -1)).astype(np.float64)
        needs.place(values, result)
        evaluated += values.size
    return result, evaluated


@given(mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=4, max_dims=4))
def test_each_value_is_that_of_its_own_point_and_observable(shapes: object) -> None:
    table, wanted = shapes.input_shapes  # type: ignore[attr-defined]
    points = np.broadcast_to(np.arange(prod(table)).reshape(table), np.broadcast_shapes(table, wanted))
    observables = np.broadcast_to(np.arange(prod(wanted)).reshape(wanted), points.shape)

    result, evaluated = pairs(Sweep((), table, b"", wanted))

    np.testing.assert_array_equal(result, points * 1000.0 + observables)
    if result.size:
        assert evaluated == result.size


@pytest.mark.parametrize(("table", "wanted", "circuits"), [((5,), (), 1), ((5, 1), (3,), 1), ((5,), (5,), 5)])
def test_points_that_need_the_same_share_a_circuit(
    table: tuple[int, ...], wanted: tuple[int, ...], circuits: int
) -> None:
    assert len(list(needs_of(Sweep((), table, b"", wanted)))) == circuits
