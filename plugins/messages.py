"""What a service and the process that runs a plugin say to each other, one message a method."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from plugins.sent_results import with_numbers, without_numbers, write_numbers
from qserver.circuits import Circuit, CircuitFormat, CircuitProfile, CircuitSource, Inspection
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Failure, Outcome, Plan, RunLimits, Success, Task
from qserver.results import PubResult


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """Parse and profile circuits; answered by an InspectReply."""

    plugin: str
    circuits: tuple[CircuitSource, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one circuit was found to be, or why it can't be read (see `qserver.sandbox.faults`)."""

    inspection: Inspection | None = None
    fault: Mapping[str, str | int | None] | None = None


@dataclass(frozen=True, slots=True)
class InspectReply:
    """One finding for each circuit, in order."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckOptionsRequest:
    """Check what a schema can't say; answered by nothing."""

    plugin: str
    options: JsonObject


@dataclass(frozen=True, slots=True)
class DescribeNoiseModelRequest:
    """Check a noise model; answered by a NoiseModelReply. Text: nobody on the way reads it."""

    plugin: str
    text: bytes


@dataclass(frozen=True, slots=True)
class NoiseModelReply:
    """What `plan` and people need to know of it."""

    words: JsonObject


@dataclass(frozen=True, slots=True)
class TaskKind:
    """What tasks have in common that differ in their circuits' text alone, as most of a batch do."""

    circuit_format: CircuitFormat
    inspected_format: CircuitFormat
    profile: CircuitProfile | None
    request: RunRequest
    plan: Plan
    noise_model: int | None  # its place among those of the call


@dataclass(frozen=True, slots=True)
class SentTask:
    """A task but for its kind, which is named by its place."""

    key: str
    kind: int
    source: bytes
    qpy: bytes | None


@dataclass(frozen=True, slots=True)
class RunCall:
    """Run tasks; answered by a RunReply. Each kind of task is sent once, and so is each noise model."""

    plugin: str
    kinds: tuple[TaskKind, ...]
    tasks: tuple[SentTask, ...]
    limits: RunLimits
    noise_models: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, plugin: str, tasks: Sequence[Task], limits: RunLimits) -> Self:
        """Write a call. Tasks are of one kind where they hold the same objects: comparing by value would cost more."""
        kinds: dict[Hashable, TaskKind] = {}
        places: dict[Hashable, int] = {}
        models: dict[bytes, int] = {}
        sent: list[SentTask] = []
        for task in tasks:
            identity = _identity(task)
            if identity not in kinds:
                model = task.noise_model
                kinds[identity] = _kind(task, None if model is None else models.setdefault(model, len(models)))
                places[identity] = len(places)
            circuit = task.circuit
            sent.append(SentTask(task.key, places[identity], circuit.source, circuit.inspection.qpy))
        return cls(plugin, tuple(kinds.values()), tuple(sent), limits, tuple(models))

    def read_tasks(self) -> Sequence[Task]:
        """Give the tasks that the call was written of. Raises IndexError where one is of a kind that wasn't sent."""
        return [_task(sent, self.kinds[sent.kind], self.noise_models) for sent in self.tasks]


def _identity(task: Task) -> Hashable:
    inspection = task.circuit.inspection
    formats = (task.circuit.circuit_format, inspection.circuit_format)
    return (*formats, id(inspection.profile), id(task.request), id(task.plan), id(task.noise_model))


def _kind(task: Task, noise_model: int | None) -> TaskKind:
    circuit, inspection = task.circuit, task.circuit.inspection
    formats = (circuit.circuit_format, inspection.circuit_format)
    return TaskKind(*formats, inspection.profile, task.request, task.plan, noise_model)


def _task(sent: SentTask, kind: TaskKind, noise_models: Sequence[bytes]) -> Task:
    inspection = Inspection(kind.inspected_format, kind.profile, sent.qpy)
    circuit = Circuit(kind.circuit_format, sent.source, inspection)
    model = None if kind.noise_model is None else noise_models[kind.noise_model]
    return Task(sent.key, circuit, kind.request, kind.plan, model)


@dataclass(frozen=True, slots=True)
class SentSuccess:
    """What a task gave; the numbers of a large result stand in a text beside it."""

    key: str
    result: PubResult
    numbers: bytes | None = None


@dataclass(frozen=True, slots=True)
class RunReply:
    """One outcome for each task, in any order."""

    outcomes: tuple[SentSuccess | Failure, ...]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Self:
        """Write a reply."""
        return cls(tuple(_sent(outcome) for outcome in outcomes))

    def read_outcomes(self) -> Sequence[Outcome]:
        """Give the outcomes that the reply was written of. Raises CodecError where numbers of one can't be read."""
        return [_outcome(sent) for sent in self.outcomes]


def _sent(outcome: Outcome) -> SentSuccess | Failure:
    if isinstance(outcome, Failure):
        return outcome
    numbers = write_numbers(outcome.result)
    return SentSuccess(outcome.key, outcome.result if numbers is None else without_numbers(outcome.result), numbers)


def _outcome(sent: SentSuccess | Failure) -> Outcome:
    if isinstance(sent, Failure):
        return sent
    return Success(sent.key, sent.result if sent.numbers is None else with_numbers(sent.result, sent.numbers))


@dataclass(frozen=True, slots=True)
class WarmUpRequest:
    """Load the heavy half of a plugin before work comes; answered by nothing."""

    plugin: str
