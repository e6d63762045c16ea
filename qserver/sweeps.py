"""A PUB's inputs beside its circuit: a table of parameter values, and the shape in which its observables stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod

from qserver.errors import InvalidRequest

VALUE_BYTES = 8
"""A value is a float64."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A table of `prod(shape)` points, each a value for every parameter, against an array of observables.

    `values` are little-endian float64 in C order, of the shape `(*shape, len(parameters))`; angles are in radians.
    Points and observables broadcast against each other as NumPy's arrays do.
    """

    parameters: tuple[str, ...]
    shape: tuple[int, ...]
    values: bytes
    observables_shape: tuple[int, ...] = ()

    @property
    def num_points(self) -> int:
        """How many sets of values there are: 1 for a table without an axis, 0 where an axis is empty."""
        return prod(self.shape)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of expectation values. Raises InvalidRequest where points and observables don't broadcast."""
        return broadcast(self.shape, self.observables_shape)


def broadcast(shape: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    """Give the shape that two shapes broadcast to. Raises InvalidRequest where they don't."""
    pairs = zip_longest(reversed(shape), reversed(other), fillvalue=1)
    axes = [_broadcast_axis(first, second, shape=shape, other=other) for first, second in pairs]
    return tuple(reversed(axes))


def _broadcast_axis(first: int, second: int, *, shape: Sequence[int], other: Sequence[int]) -> int:
    if first != second and 1 not in {first, second}:
        raise InvalidRequest(
            f"parameter values of the shape {tuple(shape)} and observables of the shape {tuple(other)} don't broadcast"
        )
    return second if first == 1 else first
