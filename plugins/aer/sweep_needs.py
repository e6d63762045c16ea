"""Which points of a sweep need which observables: pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qserver.sweeps import Sweep

Places = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Needs:
    """Points that need the same observables, and so share a circuit; each of them needs all of those.

    `where` selects their part of the result. Both have the axes of that part, of size 1 where the other one varies.
    """

    points: Places
    observables: Places
    where: tuple[int | slice, ...]

    def place(self, values: Values, result: Values) -> None:
        """Put `values`, of the shape `(points, observables)`, where they belong in the result."""
        rows = np.arange(self.points.size).reshape(self.points.shape)
        columns = np.arange(self.observables.size).reshape(self.observables.shape)
        result[self.where] = values[rows, columns]


def needs_of(sweep: Sweep) -> Iterator[Needs]:
    """Divide a result by the axes along which points and observables go together, one by one.

    Along every other axis, at most one of the two varies.
    """
    shape = sweep.result_shape
    points, observables = _places(sweep.shape, len(shape)), _places(sweep.observables_shape, len(shape))
    together = [axis for axis, size in enumerate(points.shape) if size == observables.shape[axis] != 1]
    for index in np.ndindex(*(shape[axis] for axis in together)):
        chosen = dict(zip(together, index, strict=True))
        where = tuple(chosen.get(axis, slice(None)) for axis in range(len(shape)))
        yield Needs(points[where], observables[where], where)


def _places(shape: Sequence[int], num_axes: int) -> Places:
    """Give the numbers of an array's members in C order, with as many axes as the result has."""
    numbers = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64)
    return numbers.reshape((*[1] * (num_axes - len(shape)), *shape))
