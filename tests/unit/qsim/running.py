"""Running circuits through the plugin as a worker would, without the processes in between."""

import platform
import sys
from collections.abc import Collection

import pytest
from qiskit import QuantumCircuit

from plugins.qsim.plugin import QsimPlugin
from qserver.jobs import Observable, RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Failure, Outcome, Plugin, Resources, RunLimits, Success, Task
from qserver.results import PubResult, ResultType
from tests.unit.aer.running import LIMITS, circuit_of

needs_qsim = pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64"), reason="qsimcirq has wheels for x86-64 alone"
)

PLUGIN = QsimPlugin()
RESOURCES = Resources(memory_bytes=2 * 2**30, gpu_memory_bytes=0, cores=2, plugins=frozenset({"aer", "auto", "qsim"}))
SINGLE_PRECISION = 2e-6
"""How far amplitudes, probabilities and values of Pauli strings may be off: some ten roundings of 2^-24."""


def task_of(  # noqa: PLR0913 - the fields of a request, each with its default
    source: str | QuantumCircuit,
    *result_types: ResultType,
    plugin: Plugin = PLUGIN,
    key: str = "task",
    shots: int = 1000,
    seed: int | None = None,
    precision: float | None = None,
    observables: tuple[Observable, ...] = (),
    options: JsonObject | None = None,
    resources: Resources = RESOURCES,
) -> Task:
    circuit = circuit_of(source)
    request = RunRequest(
        backend=plugin.backends()[0].name,
        result_types=frozenset(result_types or (ResultType.COUNTS,)),
        shots=shots,
        seed=seed,
        precision=precision,
        observables=observables,
        options=options or {},
    )
    return Task(key, circuit, request, plugin.plan(circuit.inspection.profile, request, resources))


def outcomes_of(tasks: Collection[Task], limits: RunLimits = LIMITS, *, plugin: Plugin = PLUGIN) -> dict[str, Outcome]:
    return {outcome.key: outcome for outcome in plugin.run(list(tasks), limits)}


def result_of(task: Task, limits: RunLimits = LIMITS, *, plugin: Plugin = PLUGIN) -> PubResult:
    outcome = outcomes_of([task], limits, plugin=plugin)[task.key]
    assert isinstance(outcome, Success), outcome
    return outcome.result


def failure_of(task: Task, limits: RunLimits = LIMITS) -> Failure:
    outcome = outcomes_of([task], limits)[task.key]
    assert isinstance(outcome, Failure), outcome
    return outcome


def counts_of(task: Task) -> dict[str, int]:
    counts = result_of(task).counts
    assert counts is not None
    return dict(counts)
