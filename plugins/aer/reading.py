"""From the engine's data to a task's result, all types from one sample and one state."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import qiskit

from plugins.aer import expectation
from plugins.aer.backends import PLUGIN_NAME, PLUGIN_VERSION
from plugins.aer.direct_states import PROBABILITIES, STATEVECTOR, DirectExperiment
from plugins.aer.drawing import draw_from_probabilities, draw_from_support, normalized
from plugins.aer.engine import ENGINE_NAME, ENGINE_VERSION, EngineData
from plugins.aer.expectation import Expectation
from plugins.aer.methods import FloatPrecision
from plugins.aer.preparation import Preparation
from plugins.aer.result_parts import ENTRY_BYTES, Budget, ResultParts
from plugins.aer.samples import Sample, sample_of_aer
from plugins.aer.stabilizer_sampling import support_of_circuit
from qserver.results import SAMPLED_RESULT_TYPES, Array, PhaseSeconds, PubResult, ResultType, RunRecord

TABLEAU_ENGINE = "qiskit"

_Present = TypeVar("_Present")


@dataclass(frozen=True, slots=True)
class TaskData:
    """What the engine gave for a preparation's experiments, and how long it took."""

    sampling: EngineData | None
    saving: EngineData | None
    threads: int
    simulating_seconds: float


def read(prepared: Preparation, data: TaskData, *, result_bytes: int, random: np.random.Generator) -> PubResult:
    """Make the result. Raises ExecutionError(RESULT_TOO_LARGE) where it would pass `result_bytes`.

    What is drawn here is drawn by `random`, unless the request has a seed.
    """
    seed = prepared.task.request.seed
    drawing = random if seed is None else np.random.default_rng(seed)
    return Reader(prepared, data, Budget(result_bytes), drawing).read()


class Reader:
    """Reads the parts of one task's result. Every method raises ExecutionError(RESULT_TOO_LARGE) past the budget."""

    def __init__(self, prepared: Preparation, data: TaskData, budget: Budget, random: np.random.Generator) -> None:
        """Draw by `random` what has to be drawn."""
        self._prepared = prepared
        self._data = data
        self._budget = budget
        self._request = prepared.task.request
        self._parts = ResultParts(prepared.demand.profile, self._request.shots, budget)
        self._wanted = prepared.task.request.result_types
        self._random = random
        self._drawing_seconds = 0.0

    def read(self) -> PubResult:
        """Give the whole result."""
        started = time.perf_counter()
        sample = self.sample() if self._wanted & SAMPLED_RESULT_TYPES else None
        self._drawing_seconds = time.perf_counter() - started
        expectations = self.expectations() if ResultType.EXPVAL in self._wanted else None
        return PubResult(
            run=self.record(),
            counts=self._parts.counts(sample) if sample and ResultType.COUNTS in self._wanted else None,
            quasi_dist=self._parts.quasi_dist(sample) if sample and ResultType.QUASI_DIST in self._wanted else None,
            expval=None if expectations is None else tuple(found.value for found in expectations),
            expval_standard_errors=(
                None if expectations is None else tuple(found.standard_error for found in expectations)
            ),
            probabilities=self._probabilities() if ResultType.PROBABILITIES in self._wanted else None,
            arrays=self._arrays(sample),
        )

    def sample(self) -> Sample:
        """Give the one sample that all kinds of counts are of."""
        wants_order = ResultType.MEMORY in self._wanted
        num_clbits, shots = self._prepared.demand.profile.num_clbits, self._request.shots
        if not self._prepared.is_drawn:
            drawn = _present(self._data.sampling)
            return sample_of_aer(drawn.counts, drawn.memory if wants_order else None, num_clbits=num_clbits)
        outcomes = self._prepared.outcomes
        if self._prepared.tableau_circuit is not None:
            support = support_of_circuit(self._prepared.tableau_circuit)
            return draw_from_support(
                support, outcomes, num_clbits=num_clbits, shots=shots, random=self._random, wants_order=wants_order
            )
        return draw_from_probabilities(
            _present(self._data.saving).numbers(PROBABILITIES),
            outcomes,
            num_clbits=num_clbits,
            shots=shots,
            random=self._random,
            wants_order=wants_order,
        )

    def _probabilities(self) -> dict[str, float]:
        exact = normalized(_present(self._data.saving).numbers(PROBABILITIES))
        return self._parts.probabilities(exact, self._prepared.outcomes)

    def expectations(self) -> tuple[Expectation, ...]:
        """Give the value of each observable."""
        saved = _present(self._data.saving)
        values = [saved.numbers(expectation.label(place)) for place in range(len(self._prepared.observables))]
        self._budget.spend(2 * ENTRY_BYTES * len(self._request.observables), "expval")
        if not self._prepared.is_deterministic:
            trajectories = self._prepared.saving_shots
            return tuple(
                expectation.mean_over_trajectories(shots, observable, trajectories=trajectories)
                for shots, observable in zip(values, self._request.observables, strict=True)
            )
        if self._request.precision is None:
            return tuple(Expectation(float(value)) for value in values)
        paulis = (observable.terms[0].pauli for observable in self._prepared.observables)
        exact = {pauli: float(value) for pauli, value in zip(paulis, values, strict=True)}
        return tuple(
            expectation.sampled(observable, exact, precision=self._request.precision, random=self._random)
            for observable in self._request.observables
        )

    def _arrays(self, sample: Sample | None) -> tuple[Array, ...]:
        arrays = []
        if sample is not None and ResultType.MEMORY in self._wanted:
            arrays.append(self._parts.memory(sample))
        if ResultType.STATEVECTOR in self._wanted:
            arrays.append(self._statevector())
        return tuple(arrays)

    def _statevector(self) -> Array:
        # Aer hands a state of single precision over in double.
        is_single = self._prepared.demand.options.float_precision is FloatPrecision.SINGLE
        state = _present(self._data.saving).amplitudes(STATEVECTOR).astype("<c8" if is_single else "<c16", copy=False)
        return self._parts.statevector(state)

    def record(self) -> RunRecord:
        """Say how the result came to be."""
        plan = self._prepared.task.plan
        is_without_aer = self._data.sampling is None and self._data.saving is None  # a tableau was all it took
        engine, version = (TABLEAU_ENGINE, qiskit.__version__) if is_without_aer else (ENGINE_NAME, ENGINE_VERSION)
        return RunRecord(
            backend=self._request.backend,
            method=plan.method,
            device=plan.device,
            float_precision=plan.float_precision,
            shots=self._request.shots,
            seed=self._seed(),
            threads=self._data.threads,
            reason="; ".join((plan.reason, *self._ways())),
            plugin=PLUGIN_NAME,
            plugin_version=PLUGIN_VERSION,
            engine=engine,
            engine_version=version,
            seconds=PhaseSeconds(
                loading=self._prepared.loading_seconds, simulating=self._data.simulating_seconds + self._drawing_seconds
            ),
        )

    def _ways(self) -> Iterator[str]:
        """Say how state and counts came about, where that is a choice."""
        if isinstance(self._prepared.saving, DirectExperiment):
            yield "gates called on Aer's state one by one"
        if self._prepared.tableau_circuit is not None:
            yield "counts drawn from the stabilizer state"
        elif self._prepared.is_drawn:
            yield "counts drawn from exact probabilities"
        elif self._prepared.sampling is not None:
            yield "counts sampled by Aer"

    def _seed(self) -> int | None:
        """Give the seed that repeats the sample: the one asked for, or the engine's own where it can repeat it."""
        if self._request.seed is not None or not self._prepared.is_original or self._data.sampling is None:
            return self._request.seed
        return self._data.sampling.seed


def _present(found: _Present | None) -> _Present:
    if found is None:
        raise ValueError("the experiment that should hold this was never run")
    return found
