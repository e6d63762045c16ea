"""Which points of a sweep need which observables: pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from qserver.sweeps import Sweep

Places = npt.NDArray[np.int64]


def pairs_of(sweep: Sweep) -> tuple[Places, Places]:
    """Give for each value of the result, in C order, the place of its point and that of its observable."""
    shape = sweep.result_shape
    return _broadcast(sweep.shape, shape), _broadcast(sweep.observables_shape, shape)


def alike(points: Places, observables: Places) -> Mapping[tuple[int, ...], Sequence[int]]:
    """Put points together that need the same observables, so that they share a circuit.

    Gives the places of the points by the places of the observables, both in rising order.
    """
    needed: defaultdict[int, set[int]] = defaultdict(set)
    for point, observable in zip(points.tolist(), observables.tolist(), strict=True):
        needed[point].add(observable)
    together: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for point in sorted(needed):
        together[tuple(sorted(needed[point]))].append(point)
    return together


def _broadcast(shape: Sequence[int], result_shape: Sequence[int]) -> Places:
    places = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    return np.broadcast_to(places, result_shape).ravel()
