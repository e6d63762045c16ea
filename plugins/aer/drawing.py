"""Drawing all shots at once from what is known exactly, instead of replaying the measurement shot by shot."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from plugins.aer.samples import Bits, Integers, Sample, Tally
from plugins.aer.stabilizer_sampling import AffineSupport

Probabilities = npt.NDArray[np.float64]

SPARSE_RATIO = 2
"""With that many more outcomes than shots, looking each shot up in the running sum beats a multinomial draw: 4,096
outcomes and 1,024 shots take 92 us instead of 193."""
BLOCK_BITS = 2**22
"""Bits drawn at a time: each takes up to 16 bytes on its way, and ten million shots of a thousand qubits are 10^10."""
NO_PLACE = 62
"""A bit of an index that is 0 in every index, for classical bits that show no qubit."""
NORM_TOLERANCE = 1e-4
"""How far probabilities may sum from 1: single precision over a million gates stays well within."""


def draw_from_probabilities(
    probabilities: Probabilities,
    outcomes: Mapping[int, int],
    *,
    num_clbits: int,
    shots: int,
    random: np.random.Generator,
    wants_order: bool,
) -> Sample:
    """Draw `shots` outcomes.

    `probabilities` is over the distinct measured qubits in rising order, the lowest being the lowest bit of the index;
    `outcomes` maps each classical bit to its qubit. Bits without one are 0.
    """
    indices, frequencies = draw_indices(normalized(probabilities), shots, random)
    order = None
    if wants_order:
        # Shots are exchangeable: any order of a multinomial draw is as good as that of single draws.
        order = random.permutation(np.repeat(np.arange(len(indices)), frequencies))
    return Sample(rows=rows_of_indices(indices, outcomes, num_clbits=num_clbits), frequencies=frequencies, order=order)


def draw_from_support(
    support: AffineSupport,
    outcomes: Mapping[int, int],
    *,
    num_clbits: int,
    shots: int,
    random: np.random.Generator,
    wants_order: bool,
) -> Sample:
    """Draw `shots` outcomes of a stabilizer state, each equally likely over its support."""
    tally = Tally(num_clbits, keeps_order=wants_order)
    block = max(1, BLOCK_BITS // max(support.num_qubits, num_clbits, 1))
    for start in range(0, shots, block):
        drawn = support.draw(min(block, shots - start), random)
        rows = np.zeros((len(drawn), num_clbits), dtype=np.uint8)
        for clbit, qubit in outcomes.items():
            rows[:, num_clbits - 1 - clbit] = drawn[:, qubit]
        tally.add(rows)
    return tally.sample()


def normalized(probabilities: Probabilities) -> Probabilities:
    """Give them in double precision with a sum of 1. Raises ValueError where they are far from it: a broken state."""
    exact = np.maximum(np.asarray(probabilities, dtype=np.float64), 0.0)
    total = float(exact.sum())
    if not abs(total - 1.0) < NORM_TOLERANCE:
        raise ValueError(f"the probabilities of all outcomes sum to {total:.6g}, not to 1")
    return exact / total


def rows_of_indices(indices: Integers, outcomes: Mapping[int, int], *, num_clbits: int) -> Bits:
    """Write outcome indices as rows of classical bits, leftmost the highest."""
    position = {qubit: place for place, qubit in enumerate(measured_qubits(outcomes))}
    shifts = [NO_PLACE] * num_clbits
    for clbit, qubit in outcomes.items():
        shifts[-1 - clbit] = position[qubit]
    places = np.array(shifts, dtype=np.int64)
    rows = np.empty((len(indices), num_clbits), dtype=np.uint8)
    block = max(1, BLOCK_BITS // max(num_clbits, 1))
    for start in range(0, len(indices), block):
        rows[start : start + block] = (indices[start : start + block, np.newaxis] >> places) & 1
    return rows


def measured_qubits(outcomes: Mapping[int, int]) -> list[int]:
    """Give the distinct measured qubits in rising order."""
    return sorted(set(outcomes.values()))


def draw_indices(probabilities: Probabilities, shots: int, random: np.random.Generator) -> tuple[Integers, Integers]:
    """Draw `shots` indices; give those that came, in rising order, and how often. Probabilities sum to 1."""
    if len(probabilities) > SPARSE_RATIO * shots:
        running = np.cumsum(probabilities)
        points = np.sort(random.random(shots)) * running[-1]  # what is looked up in order is found faster
        indices, frequencies = np.unique(np.searchsorted(running, points, side="right"), return_counts=True)
        return indices, frequencies
    drawn = random.multinomial(shots, probabilities)
    indices = np.flatnonzero(drawn)
    return indices, drawn[indices]
