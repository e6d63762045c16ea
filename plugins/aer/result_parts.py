"""The parts of a result that look the same whichever engine simulated: counts, quasi_dist, probabilities, arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plugins.aer.drawing import Probabilities, rows_of_indices
from plugins.aer.samples import Sample, bitstrings, decimals, packed_order
from qserver.circuits import CircuitProfile
from qserver.errors import ExecutionError, Reason
from qserver.results import Array

NEGLIGIBLE_PROBABILITY = 1e-15
"""Rounding leaves such dust on outcomes that can't happen; listing it would make sparse results dense."""
ENTRY_BYTES = 24
"""What JSON needs for one number beside its key, at most."""


class Budget:
    """Counts the bytes of a result as its parts are made, before they are."""

    def __init__(self, limit_bytes: int) -> None:
        """Allow so many bytes."""
        self._limit_bytes = limit_bytes
        self._spent_bytes = 0

    def spend(self, size_bytes: int, what: str) -> None:
        """Count a part. Raises ExecutionError(RESULT_TOO_LARGE) where that passes the limit."""
        self._spent_bytes += size_bytes
        if self._spent_bytes > self._limit_bytes:
            raise ExecutionError(
                f"the result is {self._spent_bytes:,} bytes or more with {what}; the limit is {self._limit_bytes:,} "
                "(QSERVER_MAX_RESULT_BYTES)",
                reason=Reason.RESULT_TOO_LARGE,
            )


@dataclass(frozen=True, slots=True)
class ResultParts:
    """Writes the parts of one task's result. Every method raises ExecutionError(RESULT_TOO_LARGE) past the budget."""

    profile: CircuitProfile
    shots: int
    budget: Budget

    def counts(self, sample: Sample) -> dict[str, int]:
        """Give how often each bitstring came."""
        width = self.profile.num_clbits + len(self._register_sizes)
        self.budget.spend(len(sample.rows) * (width + ENTRY_BYTES), "counts")
        keys = bitstrings(sample.rows, self._register_sizes)
        return dict(zip(keys, sample.frequencies.tolist(), strict=True))

    def quasi_dist(self, sample: Sample) -> dict[str, float]:
        """Give the share of each outcome, named by its integer."""
        digits = 1 + self.profile.num_clbits * 0.30103
        self.budget.spend(int(len(sample.rows) * (digits + ENTRY_BYTES)), "quasi_dist")
        shares = (sample.frequencies / self.shots).tolist()
        return dict(zip(decimals(sample.rows), shares, strict=True))

    def memory(self, sample: Sample) -> Array:
        """Give each shot's outcome, packed."""
        self.budget.spend(self.shots * ((self.profile.num_clbits + 7) // 8), "memory")
        return Array("memory", "bits", (self.shots, self.profile.num_clbits), packed_order(sample))

    def probabilities(
        self, exact: Probabilities, outcomes: Mapping[int, int], *, negligible: float = NEGLIGIBLE_PROBABILITY
    ) -> dict[str, float]:
        """Give the probability of each bitstring that has more than a negligible one.

        `exact` is over the distinct measured qubits in rising order, the lowest being the lowest bit of the index;
        `outcomes` maps each classical bit to its qubit.
        """
        indices = np.flatnonzero(exact > negligible)
        num_clbits = self.profile.num_clbits
        self.budget.spend(len(indices) * (num_clbits + len(self._register_sizes) + ENTRY_BYTES), "probabilities")
        rows = rows_of_indices(indices, outcomes, num_clbits=num_clbits)
        return dict(zip(bitstrings(rows, self._register_sizes), exact[indices].tolist(), strict=True))

    def statevector(self, state: npt.NDArray[np.complexfloating]) -> Array:
        """Give the amplitudes, in the precision in which they come."""
        self.budget.spend(state.nbytes, "statevector")
        return Array("statevector", state.dtype.name, state.shape, state.tobytes())

    @property
    def _register_sizes(self) -> Sequence[int]:
        return [register.size for register in self.profile.classical_registers]
