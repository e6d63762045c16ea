"""Outcomes of a state in single precision, summed and drawn in double, block by block.

The vector of all probabilities would weigh as much as the state, and its running sum as much again.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from plugins.aer.drawing import NORM_TOLERANCE, Probabilities, draw_indices
from plugins.aer.samples import Integers
from plugins.qsim.engine import State
from qserver.errors import ExecutionError, Reason

BLOCK_BITS = 16


def draw(state: State, shots: int, random: np.random.Generator) -> tuple[Integers, Integers]:
    """Draw `shots` indices of the state; give those that came, in rising order, and how often.

    One multinomial draw in two steps: how many shots fall into each block, then which within it. Raises
    ExecutionError(PLUGIN_ERROR) where the state has lost its norm.
    """
    weights = np.array([block.sum() for block in _blocks(state)])
    total = float(weights.sum())
    _check_norm(total)
    shots_per_block = random.multinomial(shots, weights / total)
    hit = shots_per_block.nonzero()[0].tolist()
    found = [_draw_within(state, place, int(shots_per_block[place]), random) for place in hit]
    return np.concatenate([indices for indices, _ in found]), np.concatenate([frequencies for _, frequencies in found])


def marginal(state: State, qubits: Sequence[int]) -> Probabilities:
    """Give the probabilities of the outcomes of `qubits`, which rise; the first is the lowest bit of the index."""
    low_qubits = [qubit for qubit in qubits if qubit < BLOCK_BITS]
    low = packed(np.arange(min(len(state), 1 << BLOCK_BITS)), low_qubits)
    high_qubits = [qubit - BLOCK_BITS for qubit in qubits if qubit >= BLOCK_BITS]
    width = 1 << len(low_qubits)
    result = np.zeros((1 << len(high_qubits), width))
    for place, block in enumerate(_blocks(state)):
        row = int(packed(np.array([place]), high_qubits)[0])
        result[row] += np.bincount(low, weights=block, minlength=width)
    total = float(result.sum())
    _check_norm(total)
    return result.ravel() / total


def packed(indices: Integers, qubits: Sequence[int]) -> Integers:
    """Keep the bits of `qubits` alone, the first becoming the lowest."""
    result = np.zeros_like(indices)
    for place, qubit in enumerate(qubits):
        result |= ((indices >> qubit) & 1) << place
    return result


def _draw_within(state: State, place: int, shots: int, random: np.random.Generator) -> tuple[Integers, Integers]:
    start = place << BLOCK_BITS
    probabilities = _squares(state[start : start + (1 << BLOCK_BITS)])
    indices, frequencies = draw_indices(probabilities / probabilities.sum(), shots, random)
    return indices + start, frequencies


def _blocks(state: State) -> Iterator[npt.NDArray[np.float64]]:
    for start in range(0, len(state), 1 << BLOCK_BITS):
        yield _squares(state[start : start + (1 << BLOCK_BITS)])


def _squares(amplitudes: State) -> npt.NDArray[np.float64]:
    exact = amplitudes.view(np.float32).astype(np.float64)
    exact *= exact
    return exact[0::2] + exact[1::2]


def _check_norm(total: float) -> None:
    if not abs(total - 1.0) < NORM_TOLERANCE:
        raise ExecutionError(
            f"the probabilities of all outcomes sum to {total:.6g}, not to 1", reason=Reason.PLUGIN_ERROR
        )
