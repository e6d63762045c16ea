import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from qserver.errors import InvalidRequest
from qserver.sweeps import Sweep, broadcast


@given(mutually_broadcastable_shapes(num_shapes=2, min_side=0))
def test_shapes_broadcast_as_numpys_do(shapes: object) -> None:
    first, second = shapes.input_shapes  # type: ignore[attr-defined]

    assert broadcast(first, second) == np.broadcast_shapes(first, second)


@pytest.mark.parametrize(("first", "second"), [((2,), (3,)), ((2, 1), (3, 1)), ((0,), (2,))])
def test_shapes_that_numpy_refuses_are_refused(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequest, match="don't broadcast"):
        broadcast(first, second)


def test_a_table_without_an_axis_has_one_point() -> None:
    assert Sweep(("a",), (), bytes(8)).num_points == 1
    assert Sweep(("a",), (2, 0), b"").num_points == 0
