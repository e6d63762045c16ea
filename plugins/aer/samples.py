"""One sample of outcomes, whatever drew it: distinct rows of bits, how often each came, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

ZERO = ord("0")
MAX_NAMED_BITS = 12
"""Up to here the names of all outcomes are kept, less than a megabyte: to look one up is cheaper than to write it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Outcomes of all shots.

    `rows` has shape `(distinct outcomes, classical bits)`, leftmost column the highest bit; `frequencies` counts each
    row; `order` names the row of each shot, and is None where nobody asked for the order.
    """

    rows: Bits
    frequencies: Integers
    order: Integers | None


class Tally:
    """Counts rows that come in blocks, one row a shot."""

    def __init__(self, num_clbits: int, *, keeps_order: bool) -> None:
        """Begin with nothing counted."""
        self._num_clbits = num_clbits
        self._keeps_order = keeps_order
        self._position: dict[bytes, int] = {}
        self._frequencies: list[int] = []
        self._orders: list[Integers] = []

    def add(self, rows: Bits) -> None:
        """Count rows of shape `(shots, classical bits)`."""
        packed = np.ascontiguousarray(np.packbits(rows, axis=1))
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        distinct, inverse, frequencies = np.unique(keys, return_inverse=True, return_counts=True)
        positions = np.array([self._position_of(key.tobytes()) for key in distinct], dtype=np.int64)
        for position, frequency in zip(positions.tolist(), frequencies.tolist(), strict=True):
            self._frequencies[position] += frequency
        if self._keeps_order:
            self._orders.append(positions[inverse])

    def sample(self) -> Sample:
        """Give all that was counted."""
        packed = np.frombuffer(b"".join(self._position), dtype=np.uint8).reshape(len(self._position), -1)
        return Sample(
            rows=np.unpackbits(packed, axis=1)[:, : self._num_clbits],
            frequencies=np.array(self._frequencies, dtype=np.int64),
            order=np.concatenate(self._orders) if self._keeps_order else None,
        )

    def _position_of(self, key: bytes) -> int:
        position = self._position.setdefault(key, len(self._frequencies))
        if position == len(self._frequencies):
            self._frequencies.append(0)
        return position


def sample_of_aer(counts: Mapping[str, int], memory: Sequence[str] | None, *, num_clbits: int) -> Sample:
    """Read Aer's counts, whose keys are hexadecimal integers, and its memory."""
    keys = list(counts)
    position = {key: index for index, key in enumerate(keys)}
    size_bytes = (num_clbits + 7) // 8
    packed = b"".join(int(key, 16).to_bytes(size_bytes, "big") for key in keys)
    table = np.frombuffer(packed, dtype=np.uint8).reshape(len(keys), size_bytes)
    return Sample(
        rows=np.unpackbits(table, axis=1)[:, 8 * size_bytes - num_clbits :],
        frequencies=np.array([int(counts[key]) for key in keys], dtype=np.int64),
        order=None if memory is None else np.array([position[key] for key in memory], dtype=np.int64),
    )


def decimals(rows: Bits) -> list[str]:
    """Write rows as whole numbers, leftmost the highest bit."""
    if rows.shape[1] <= MAX_NAMED_BITS:
        names = _decimal_names()
        return [names[value] for value in _integers(rows)]
    return [str(int(bits, 2)) for bits in bitstrings(rows, ())]


def bitstrings(rows: Bits, register_sizes: Sequence[int]) -> list[str]:
    """Write rows as Qiskit prints them: leftmost the highest bit of the last register, registers parted by a space."""
    num_clbits = rows.shape[1]
    if 0 < num_clbits <= MAX_NAMED_BITS and len(register_sizes) < 2:  # noqa: PLR2004 - one register needs no space
        names = _bit_names(num_clbits)
        return [names[value] for value in _integers(rows)]
    text = (rows + ZERO).tobytes().decode("ascii")
    cuts = [0]
    for size in reversed(register_sizes):
        cuts.append(cuts[-1] + size)
    whole = [text[start : start + num_clbits] for start in range(0, len(text), num_clbits)]
    if len(register_sizes) < 2:  # noqa: PLR2004 - one register needs no space
        return whole
    return [" ".join(row[left:right] for left, right in pairwise(cuts)) for row in whole]


def _integers(rows: Bits) -> list[int]:
    weights = 2.0 ** np.arange(rows.shape[1] - 1, -1, -1)  # floats: whole numbers are multiplied one by one
    whole: list[int] = (rows.astype(np.float64) @ weights).astype(np.int64).tolist()
    return whole


@cache
def _bit_names(num_bits: int) -> Sequence[str]:
    return [f"{value:0{num_bits}b}" for value in range(2**num_bits)]


@cache
def _decimal_names() -> Sequence[str]:
    return [str(value) for value in range(2**MAX_NAMED_BITS)]


def packed_order(sample: Sample) -> bytes:
    """Give each shot's row, packed as `qserver.results.Array` says of the dtype `bits`."""
    if sample.order is None:
        raise ValueError("the order of the shots was not kept")
    return np.packbits(sample.rows, axis=1, bitorder="big")[sample.order].tobytes()
