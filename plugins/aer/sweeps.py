"""Running a PUB: one circuit over a table of parameter values, in few calls of the engine."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugins.aer.demand import Demand
from plugins.aer.engine import EngineData, EngineFault, EngineOutcome, EngineSettings
from plugins.aer.estimates import point_bytes
from plugins.aer.methods import Method
from plugins.aer.preparation import Experiment, Layout, Preparation, lay_out
from plugins.aer.reading import Reader, TaskData
from plugins.aer.result_parts import Budget
from plugins.aer.samples import packed_order
from plugins.aer.sweep_engine import Points, points_of, simulate_points
from plugins.aer.sweep_needs import Values, needs_of
from qserver.errors import ExecutionError, QServerError, Reason
from qserver.plugins import Failure, Outcome, RunLimits, Success, Task
from qserver.results import Array, PhaseSeconds, PubResult, ResultType, RunRecord
from qserver.sweeps import Sweep

BLOCK_BYTES = 64 * 2**20
"""What the engine may give in one call, beside the state."""
BLOCK_POINTS = 1024
"""Each point of a call takes some 10 KB of Python objects beside its numbers."""


def run_sweep(task: Task, limits: RunLimits) -> Outcome:
    """Run a task that has a sweep: all its points, or none."""
    sweep = task.request.sweep
    if sweep is None:
        raise ValueError("the task has no sweep")
    try:
        random = np.random.default_rng(task.request.seed)
        return Success(task.key, _Run(task, sweep, limits, random).result())
    except QServerError as error:
        return Failure(task.key, error.reason, error.message)
    except MemoryError:
        return Failure(task.key, Reason.OUT_OF_MEMORY, "the simulator ran out of memory while reading the result")


@dataclass(slots=True)
class _Run:
    """One run of a sweep, and how it came about, once a point has run."""

    task: Task
    sweep: Sweep
    limits: RunLimits
    random: np.random.Generator
    record: RunRecord | None = None

    def result(self) -> PubResult:
        started = time.perf_counter()
        layout = lay_out(self.task)
        loading = time.perf_counter() - started
        arrays = self._values(layout) if ResultType.EXPVAL in self.task.request.result_types else self._memory(layout)
        simulating = time.perf_counter() - started - loading
        seconds = PhaseSeconds(loading=loading, simulating=simulating)
        return PubResult(run=replace(self._record_of(layout), seconds=seconds), arrays=arrays)

    def _values(self, layout: Layout) -> tuple[Array, ...]:
        shape = self.sweep.result_shape
        values, standard_errors = np.empty(shape), np.empty(shape)
        for needs in needs_of(self.sweep):
            wanted = tuple(self.task.request.observables[place] for place in needs.observables.ravel())
            places = needs.points.ravel().tolist() if wanted else []
            found = np.empty((2, needs.points.size, len(wanted)))
            for row, reader in enumerate(self._run(layout.with_observables(wanted), places)):
                for column, each in enumerate(reader.expectations()):
                    found[:, row, column] = each.value, each.standard_error
            needs.place(found[0], values)
            needs.place(found[1], standard_errors)
        return _floats("evs", values), _floats("stds", standard_errors)

    def _memory(self, layout: Layout) -> tuple[Array, ...]:
        readers = self._run(layout, range(self.sweep.num_points))
        data = b"".join(packed_order(reader.sample()) for reader in readers)
        num_clbits = layout.demand.profile.num_clbits
        return (Array("memory", "bits", (*self.sweep.shape, self.task.request.shots, num_clbits), data),)

    def _run(self, layout: Layout, places: Sequence[int]) -> Iterator[Reader]:
        """Give a reader for each of these points, in order, as soon as its block has run."""
        prepared = layout.prepare(time.perf_counter())
        table = points_of(self.sweep)
        block = _block_points(layout.demand, layout.method)
        for start in range(0, len(places), block):
            wanted = places[start : start + block]
            for data in self._run_block(prepared, table[list(wanted)], wanted[0]):
                reader = Reader(prepared, data, Budget(self.limits.result_bytes), self.random)
                self.record = self.record or reader.record()
                yield reader

    def _run_block(self, prepared: Preparation, points: Points, first: int) -> Iterator[TaskData]:
        settings = EngineSettings.of(prepared.task.plan, prepared.demand.options, self.limits)
        runs = {
            experiment: simulate_points(
                experiment,
                settings,
                self.sweep.parameters,
                points,
                first=first,
                is_deterministic=prepared.is_deterministic,
            )
            for experiment in _experiments(prepared)
        }
        for place in range(len(points)):
            outcomes = {experiment: _data(outcomes[place]) for experiment, outcomes in runs.items()}
            yield TaskData(
                sampling=None if prepared.sampling is None else outcomes[prepared.sampling],
                saving=None if not isinstance(prepared.saving, Experiment) else outcomes[prepared.saving],
                threads=settings.threads,
                simulating_seconds=0.0,
            )

    def _record_of(self, layout: Layout) -> RunRecord:
        if self.record is not None:
            return self.record
        nothing = TaskData(sampling=None, saving=None, threads=1, simulating_seconds=0.0)
        budget = Budget(self.limits.result_bytes)
        prepared = layout.prepare(time.perf_counter())
        return Reader(prepared, nothing, budget, self.random).record()


def _experiments(prepared: Preparation) -> set[Experiment]:
    return {each for each in (prepared.sampling, prepared.saving) if isinstance(each, Experiment)}


def _data(outcome: EngineOutcome) -> EngineData:
    if isinstance(outcome, EngineFault):
        raise ExecutionError(outcome.message, reason=outcome.reason)
    return outcome


def _block_points(demand: Demand, method: Method) -> int:
    return max(1, min(BLOCK_POINTS, BLOCK_BYTES // max(1, point_bytes(demand, method))))


def _floats(name: str, values: Values) -> Array:
    return Array(name, "float64", values.shape, values.astype("<f8").tobytes())
