"""Running a group of tasks: few calls of the engine, one outcome for each task."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plugins.aer.direct_states import DirectExperiment, run_directly
from plugins.aer.engine import EngineData, EngineFault, EngineSettings, TimedOutcome, simulate
from plugins.aer.preparation import Experiment, Preparation, prepare
from plugins.aer.reading import TaskData, read
from plugins.aer.sweeps import run_sweep
from qserver.errors import QServerError, Reason
from qserver.plugins import Failure, Outcome, RunLimits, Success, Task

AnyExperiment = Experiment | DirectExperiment


@dataclass(frozen=True, slots=True)
class _GroupKey:
    """What experiments of one call of the engine have in common; a seeded one has itself in common with no other.

    `saved_qubits` is the width of circuits that save something. Where Aer leaves no idle qubit out, it gives each
    circuit of a call the qubits of the widest: that costs memory, and a statevector of fewer is refused (0.18).
    """

    settings: EngineSettings
    shots: int
    wants_memory: bool
    has_saves: bool
    saved_qubits: int | None
    alone: Experiment | None

    @classmethod
    def of(cls, experiment: Experiment, settings: EngineSettings) -> "_GroupKey":
        alone = experiment if experiment.seed is not None else None
        saved_qubits = experiment.circuit.num_qubits if experiment.has_saves else None
        return cls(settings, experiment.shots, experiment.wants_memory, experiment.has_saves, saved_qubits, alone)


def run(tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
    """Run all tasks and give one outcome for each. A task that fails takes no other with it."""
    swept = [task for task in tasks if task.request.sweep is not None]
    if swept:
        plain = [task for task in tasks if task.request.sweep is None]
        return [*_run_plain(plain, limits), *(run_sweep(task, limits) for task in swept)]
    return _run_plain(tasks, limits)


def _run_plain(tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
    prepared = [_prepare(task) for task in tasks]
    ready = [found for found in prepared if isinstance(found, Preparation)]
    runs = _run_all(ready, limits)
    # One for all: seeding it from the system's randomness takes as long as a small circuit's gates.
    random = np.random.default_rng()
    return [found if isinstance(found, Failure) else _read(found, runs, limits, random) for found in prepared]


def _prepare(task: Task) -> Preparation | Failure:
    try:
        return prepare(task)
    except QServerError as error:
        return Failure(task.key, error.reason, error.message)


def _run_all(prepared: Sequence[Preparation], limits: RunLimits) -> Mapping[AnyExperiment, TimedOutcome]:
    """Run every experiment once, those of equal settings and shots together.

    A seeded one runs in a call of its own: circuit i of a list gets `seed + 2113 * i`, which is not Aer's answer to the
    seed that was asked for.
    """
    groups: dict[_GroupKey, list[Experiment]] = defaultdict(list)
    direct: list[DirectExperiment] = []
    for preparation in prepared:
        for experiment in _experiments(preparation):
            if isinstance(experiment, DirectExperiment):
                direct.append(experiment)
            else:
                settings = EngineSettings.of(preparation.task.plan, preparation.demand.options, limits)
                groups[_GroupKey.of(experiment, settings)].append(experiment)
    runs: dict[AnyExperiment, TimedOutcome] = dict(zip(direct, run_directly(direct), strict=True))
    for key, experiments in groups.items():
        runs.update(_run_group(experiments, key.settings))
    return runs


def _experiments(preparation: Preparation) -> Sequence[AnyExperiment]:
    sampling, saving = preparation.sampling, preparation.saving
    if sampling is None or sampling is saving:
        return [] if saving is None else [saving]
    return [sampling] if saving is None else [sampling, saving]


def _run_group(experiments: Sequence[Experiment], settings: EngineSettings) -> Mapping[AnyExperiment, TimedOutcome]:
    first = experiments[0]
    started = time.perf_counter()
    outcomes = simulate(
        [experiment.circuit for experiment in experiments],
        settings,
        shots=first.shots,
        seed=first.seed,
        wants_memory=first.wants_memory,
        has_saves=first.has_saves,
    )
    share = (time.perf_counter() - started) / len(experiments)
    return {experiment: TimedOutcome(outcome, share) for experiment, outcome in zip(experiments, outcomes, strict=True)}


def _read(
    prepared: Preparation,
    runs: Mapping[AnyExperiment, TimedOutcome],
    limits: RunLimits,
    random: np.random.Generator,
) -> Outcome:
    key = prepared.task.key
    mine = [runs[experiment] for experiment in _experiments(prepared)]
    for found in mine:
        if isinstance(found.outcome, EngineFault):
            return Failure(key, found.outcome.reason, found.outcome.message)
    data = TaskData(
        sampling=_data(prepared.sampling, runs),
        saving=_data(prepared.saving, runs),
        threads=max(1, limits.threads),
        simulating_seconds=sum(found.seconds for found in mine),
    )
    try:
        return Success(key, read(prepared, data, result_bytes=limits.result_bytes, random=random))
    except QServerError as error:
        return Failure(key, error.reason, error.message)
    except MemoryError:
        return Failure(key, Reason.OUT_OF_MEMORY, "the simulator ran out of memory while reading the result")


def _data(experiment: AnyExperiment | None, runs: Mapping[AnyExperiment, TimedOutcome]) -> EngineData | None:
    if experiment is None:
        return None
    outcome = runs[experiment].outcome
    return outcome if isinstance(outcome, EngineData) else None
