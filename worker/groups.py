"""Jobs that travel together: a group is run in one call of its plugin, and stored in one transaction."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from uuid import UUID

from database.records import ClaimedJob
from qserver.noise_models import NoiseModel
from qserver.plugins import FILE_PLUGIN_ROUTE_PREFIX, Task
from worker.pubs import pub_tasks

LONELY_TIME_LIMIT_SECONDS = 2.0
"""A job that may run for less than this runs alone: company must not use up its time."""

GPU_DEVICE = "GPU"

_TERM_BYTES = 32
"""Of a term of an observable in a message, beside its Pauli string."""

BatchKey = Callable[[ClaimedJob], str | None]
"""Asks the job's plugin which company it may share; None for none."""


class Lane(StrEnum):
    """Which kind of simulator process a group needs; each kind has its own environment variables."""

    NARROW = "narrow"  # one thread, beside others
    WIDE = "wide"  # all cores, but for one where there are 4 or more
    GPU = "gpu"  # the GPU, one at a time


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """How large a group may grow."""

    jobs: int
    seconds: float  # estimated
    bytes: int  # of circuits, observables and noise models, sent to the simulator in one message


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs for one call of `run`, in the order they were claimed."""

    plugin: str
    file_plugin: bool
    lane: Lane
    jobs: tuple[ClaimedJob, ...]

    @property
    def job_ids(self) -> frozenset[UUID]:
        """The ids of its jobs."""
        return frozenset(claimed.job.id for claimed in self.jobs)

    @property
    def is_alone(self) -> bool:
        """Whether it is one job: what happens to the simulator is then that job's doing."""
        return len(self.jobs) == 1

    @property
    def may_stand_still(self) -> bool:
        """Whether its simulator may wait, without CPU time, for something else: a GPU, or what a file plugin asks."""
        return self.file_plugin or self.lane is Lane.GPU

    @property
    def seconds(self) -> float:
        """Estimated time to run all of them."""
        return sum(claimed.plan.seconds for claimed in self.jobs)

    @property
    def memory_bytes(self) -> int:
        """Estimated memory: jobs of a group run one after the other, so the largest counts."""
        return max(claimed.plan.memory_bytes for claimed in self.jobs)

    def without(self, job_ids: frozenset[UUID]) -> "Group | None":
        """Give the group of the other jobs; None if none are left."""
        jobs = tuple(claimed for claimed in self.jobs if claimed.job.id not in job_ids)
        return Group(self.plugin, self.file_plugin, self.lane, jobs) if jobs else None

    def one_by_one(self) -> tuple["Group", ...]:
        """Give each job a group of its own."""
        return tuple(Group(self.plugin, self.file_plugin, self.lane, (claimed,)) for claimed in self.jobs)


def lane_of(claimed: ClaimedJob) -> Lane:
    """Tell which kind of simulator the job was planned for."""
    if claimed.plan.device == GPU_DEVICE:
        return Lane.GPU
    return Lane.WIDE if claimed.plan.threads == 0 else Lane.NARROW


def form_groups(jobs: Sequence[ClaimedJob], batch_key: BatchKey, limits: GroupLimits) -> tuple[Group, ...]:
    """Put jobs that may share a call together, within `limits`. Groups stand in the order of their first job."""
    together: dict[Hashable, list[ClaimedJob]] = defaultdict(list)
    alone = count()
    for claimed in jobs:
        key = None if _must_be_alone(claimed) else batch_key(claimed)
        together[next(alone) if key is None else (claimed.job.plugin, lane_of(claimed), key)].append(claimed)
    groups = [_group(part) for members in together.values() for part in _cut(members, limits)]
    order = {claimed.job.id: place for place, claimed in enumerate(jobs)}
    return tuple(sorted(groups, key=lambda group: order[group.jobs[0].job.id]))


def task_of(claimed: ClaimedJob) -> Task:
    """Give what the simulator sees of a job of one circuit; its key is the job's id."""
    return Task(
        key=str(claimed.job.id),
        circuit=claimed.circuit,
        request=claimed.job.request.run,
        plan=claimed.plan,
        noise_model=None if claimed.noise_model is None else claimed.noise_model.text,
    )


def tasks_of(claimed: ClaimedJob) -> Sequence[Task]:
    """Give what the simulator sees of any job."""
    return pub_tasks(claimed) if claimed.pubs else (task_of(claimed),)


def _must_be_alone(claimed: ClaimedJob) -> bool:
    limit = claimed.job.request.time_limit_seconds
    in_a_hurry = limit is not None and limit < LONELY_TIME_LIMIT_SECONDS
    return in_a_hurry or bool(claimed.pubs) or lane_of(claimed) is Lane.WIDE or _is_of_file_plugin(claimed)


def _is_of_file_plugin(claimed: ClaimedJob) -> bool:
    return claimed.job.route.startswith(FILE_PLUGIN_ROUTE_PREFIX)


def _group(members: Sequence[ClaimedJob]) -> Group:
    first = members[0]
    return Group(first.job.plugin, _is_of_file_plugin(first), lane_of(first), tuple(members))


@dataclass(slots=True)
class _Part:
    members: list[ClaimedJob] = field(default_factory=list)
    seconds: float = 0.0
    bytes: int = 0
    noise_models: list[NoiseModel] = field(default_factory=list)  # each is sent once

    def has_room_for(self, claimed: ClaimedJob, limits: GroupLimits) -> bool:
        return (
            len(self.members) < limits.jobs
            and self.seconds + claimed.plan.seconds <= limits.seconds
            and self.bytes + self._added_bytes(claimed) <= limits.bytes
        )

    def add(self, claimed: ClaimedJob) -> None:
        self.members.append(claimed)
        self.seconds += claimed.plan.seconds
        self.bytes += self._added_bytes(claimed)
        if claimed.noise_model is not None and claimed.noise_model not in self.noise_models:
            self.noise_models.append(claimed.noise_model)

    def _added_bytes(self, claimed: ClaimedJob) -> int:
        model = claimed.noise_model
        is_sent = model is None or model in self.noise_models
        return _task_bytes(claimed) + (0 if model is None or is_sent else len(model.text))


def _task_bytes(claimed: ClaimedJob) -> int:
    observables = claimed.job.request.run.observables
    # All strings of an observable are of one length.
    return claimed.circuit.size_bytes + sum(
        len(each.terms) * (_TERM_BYTES + len(each.terms[0].pauli)) for each in observables
    )


def _cut(members: Sequence[ClaimedJob], limits: GroupLimits) -> Iterator[Sequence[ClaimedJob]]:
    """Cut into parts within the limits. One job that passes them by itself is a part by itself."""
    part = _Part()
    for claimed in members:
        if part.members and not part.has_room_for(claimed, limits):
            yield part.members
            part = _Part()
        part.add(claimed)
    if part.members:
        yield part.members
