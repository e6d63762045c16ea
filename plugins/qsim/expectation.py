"""Expectation values of Pauli strings from a state in single precision, summed in double, block by block."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plugins.qsim.engine import State

BLOCK_BITS = 14
TERMS_AT_A_TIME = 64
"""Signs of so many strings over a block take 8 MiB."""


@dataclass(frozen=True, slots=True)
class _Masks:
    """A Pauli string P as P|i> = phase * (-1)^(number of ones in i & signs) |i ^ flips>; `phase` is a power of i."""

    flips: int
    signs: int
    phase: complex


_IDENTITY = _Masks(0, 0, 1)


def pauli_values(state: State, paulis: Sequence[str], places: Mapping[int, int]) -> dict[str, float]:
    """Give the expectation value of each Pauli string, whose rightmost letter is qubit 0.

    `places` says which bit of the state's index each qubit is; qubits without one are in |0>. The state need not be of
    norm 1: values are divided by its square.
    """
    masks = {pauli: _masks(pauli, places) for pauli in dict.fromkeys(paulis)}
    by_flips: dict[int, set[_Masks]] = defaultdict(set)
    by_flips[0].add(_IDENTITY)
    for mask in masks.values():
        if mask is not None:
            by_flips[mask.flips].add(mask)
    sums: dict[_Masks, float] = {}
    for group in by_flips.values():
        ordered = sorted(group, key=lambda mask: mask.signs)
        for start in range(0, len(ordered), TERMS_AT_A_TIME):
            sums.update(_sums(state, ordered[start : start + TERMS_AT_A_TIME]))
    norm = sums[_IDENTITY]
    return {pauli: 0.0 if mask is None else sums[mask] / norm for pauli, mask in masks.items()}


def _masks(pauli: str, places: Mapping[int, int]) -> _Masks | None:
    """Give None where the value is 0: a flip of a qubit that is surely in |0>."""
    flips = signs = turns = 0
    for qubit, letter in enumerate(reversed(pauli)):
        if letter == "I":
            continue
        place = places.get(qubit)
        if place is None:
            if letter in "XY":
                return None
            continue
        flips |= (letter in "XY") << place
        signs |= (letter in "YZ") << place
        turns += letter == "Y"
    return _Masks(flips, signs, 1j**turns)


def _sums(state: State, masks: Sequence[_Masks]) -> dict[_Masks, float]:
    """Sum for masks of equal flips, in one walk over the state."""
    size = min(len(state), 1 << BLOCK_BITS)
    low = np.arange(size)
    flipped = low ^ (masks[0].flips & (size - 1))
    block_flips = masks[0].flips // size
    low_signs = np.stack([_signs(low & mask.signs) for mask in masks], axis=1)
    high_signs = np.array([mask.signs // size for mask in masks])
    totals = np.zeros(len(masks), dtype=np.complex128)
    for block in range(len(state) // size):
        ket = state[block * size : (block + 1) * size].astype(np.complex128)
        other = block ^ block_flips
        bra = state[other * size : (other + 1) * size][flipped].conj()
        product = ket * bra
        totals += _signs(block & high_signs) * (product.real @ low_signs + 1j * (product.imag @ low_signs))
    return {mask: float((mask.phase * total).real) for mask, total in zip(masks, totals, strict=True)}


def _signs(bits: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.where(np.bitwise_count(bits) & 1, -1.0, 1.0)
