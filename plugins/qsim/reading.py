"""From the final state to a task's result, all types from one simulation and one sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plugins.aer import expectation
from plugins.aer.drawing import measured_qubits, rows_of_indices
from plugins.aer.expectation import Expectation
from plugins.aer.result_parts import ENTRY_BYTES, Budget, ResultParts
from plugins.aer.samples import Integers, Sample
from plugins.qsim.drawing import draw, marginal, packed
from plugins.qsim.engine import Simulated
from plugins.qsim.expectation import pauli_values
from plugins.qsim.preparation import Preparation
from qserver.jobs import Observable
from qserver.results import SAMPLED_RESULT_TYPES, Array, ResultType

NEGLIGIBLE_PROBABILITY = 1e-12
"""Rounding in single precision leaves amplitudes of some 1e-7 on outcomes that can't happen."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The fields of `PubResult` that hold numbers."""

    counts: dict[str, int] | None
    quasi_dist: dict[str, float] | None
    expectations: tuple[Expectation, ...] | None
    probabilities: dict[str, float] | None
    arrays: tuple[Array, ...]


def read(prepared: Preparation, simulated: Simulated, *, result_bytes: int) -> Parts:
    """Make what was asked for. Raises ExecutionError(RESULT_TOO_LARGE) where it would pass `result_bytes`."""
    return _Reader(prepared, simulated, Budget(result_bytes)).read()


class _Reader:
    def __init__(self, prepared: Preparation, simulated: Simulated, budget: Budget) -> None:
        self._prepared = prepared
        self._simulated = simulated
        self._budget = budget
        self._request = prepared.task.request
        self._wanted = self._request.result_types
        self._parts = ResultParts(prepared.demand.profile, self._request.shots, budget)
        self._random = np.random.default_rng(self._request.seed)

    def read(self) -> Parts:
        sample = self._sample() if self._wanted & SAMPLED_RESULT_TYPES else None
        return Parts(
            counts=self._parts.counts(sample) if sample and ResultType.COUNTS in self._wanted else None,
            quasi_dist=self._parts.quasi_dist(sample) if sample and ResultType.QUASI_DIST in self._wanted else None,
            expectations=self._expectations() if ResultType.EXPVAL in self._wanted else None,
            probabilities=self._probabilities() if ResultType.PROBABILITIES in self._wanted else None,
            arrays=self._arrays(sample),
        )

    def _measured_places(self) -> Sequence[int]:
        return [self._prepared.places[qubit] for qubit in measured_qubits(self._prepared.outcomes)]

    def _sample(self) -> Sample:
        drawn, frequencies = draw(self._simulated.state, self._request.shots, self._random)
        indices, frequencies = _merged(packed(drawn, self._measured_places()), frequencies)
        order = None
        if ResultType.MEMORY in self._wanted:
            # Shots are exchangeable: any order of a multinomial draw is as good as that of single draws.
            order = self._random.permutation(np.repeat(np.arange(len(indices)), frequencies))
        num_clbits = self._prepared.demand.profile.num_clbits
        return Sample(rows_of_indices(indices, self._prepared.outcomes, num_clbits=num_clbits), frequencies, order)

    def _probabilities(self) -> dict[str, float]:
        exact = marginal(self._simulated.state, self._measured_places())
        return self._parts.probabilities(exact, self._prepared.outcomes, negligible=NEGLIGIBLE_PROBABILITY)

    def _expectations(self) -> tuple[Expectation, ...]:
        observables = self._request.observables
        self._budget.spend(2 * ENTRY_BYTES * len(observables), "expval")
        paulis = [term.pauli for observable in observables for term in observable.terms]
        exact = pauli_values(self._simulated.state, paulis, self._prepared.places)
        return tuple(self._expectation(observable, exact) for observable in observables)

    def _expectation(self, observable: Observable, exact: dict[str, float]) -> Expectation:
        if self._request.precision is not None:
            return expectation.sampled(observable, exact, precision=self._request.precision, random=self._random)
        return Expectation(sum(term.coefficient * exact[term.pauli] for term in observable.terms))

    def _arrays(self, sample: Sample | None) -> tuple[Array, ...]:
        arrays = []
        if sample is not None and ResultType.MEMORY in self._wanted:
            arrays.append(self._parts.memory(sample))
        if ResultType.STATEVECTOR in self._wanted:
            state = self._simulated.state
            if self._simulated.global_phase:
                state = state * np.complex64(np.exp(1j * self._simulated.global_phase))
            arrays.append(self._parts.statevector(state))
        return tuple(arrays)


def _merged(indices: Integers, frequencies: Integers) -> tuple[Integers, Integers]:
    """Take equal outcomes together; give them in rising order."""
    distinct, inverse = np.unique(indices, return_inverse=True)
    totals = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(totals, inverse, frequencies)
    return distinct, totals
