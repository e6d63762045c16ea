"""What a run's end means for each of its jobs: pure.

A simulator that dies, hangs or gives up under a group says nothing about which job did it. So nobody is blamed: all run
again, each alone, without losing an attempt, and only what happens to a job on its own is held against it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from database.records import ClaimedJob, FailedRun, Lease
from qserver.errors import Reason
from qserver.plugins import Failure, Outcome, Success
from qserver.results import PubResult
from worker.groups import Group
from worker.pubs import PubResults, whole_outcome


@dataclass(frozen=True, slots=True)
class Answered:
    """The plugin gave its outcomes."""

    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Refused:
    """The plugin raised, or gave an answer that can't be taken: it counts against all jobs of the run."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Died:
    """The simulator died by itself, or by the kernel."""

    message: str
    lack_of_memory: bool


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """The simulator was killed because its time was up."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The simulator was killed because a job of the run was canceled or lost; the others are innocent."""


@dataclass(frozen=True, slots=True)
class NotStarted:
    """No simulator could be had.

    For built-in plugins that is the worker's fault, and its slot takes nothing until it has one. A file plugin that
    can't start is the plugin's: its jobs lose an attempt, or they would come and go for ever.
    """

    message: str
    lose_attempt: bool


Ending = Answered | Refused | Died | OutOfTime | Interrupted | NotStarted


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that ran, and its results, one a PUB."""

    claimed: ClaimedJob
    results: tuple[PubResult, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """A job that goes back to pending, for any worker."""

    lease: Lease
    lose_attempt: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a run's jobs. Each of them stands in exactly one place, except those that were gone already."""

    finished: tuple[Finished, ...] = ()
    failed: tuple[FailedRun, ...] = ()
    released: tuple[Released, ...] = ()
    again: tuple[Group, ...] = ()


def judge(group: Group, ending: Ending, *, gone: frozenset[UUID]) -> Verdict:
    """Decide for each job of a run that ended. Jobs in `gone` were canceled or lost meanwhile and are left out."""
    present = group.without(gone)
    if present is None:
        return Verdict()
    match ending:
        case Answered(outcomes):
            return _sort(present, outcomes)
        case Interrupted():
            return Verdict(again=(present,))
        case NotStarted(message, lose_attempt):
            released = (_release(claimed, message, lose_attempt=lose_attempt) for claimed in present.jobs)
            return Verdict(released=tuple(released))
        case Refused() | Died() | OutOfTime():
            # `group`, not `present`: a job that was canceled meanwhile may be the one that did it.
            return _blame(present.jobs[0], ending) if group.is_alone else Verdict(again=present.one_by_one())
        case _:
            assert_never(ending)


def _blame(claimed: ClaimedJob, ending: Refused | Died | OutOfTime) -> Verdict:
    match ending:
        case Refused(reason, message):
            return Verdict(failed=(FailedRun(claimed.lease, reason, message),))
        case OutOfTime(seconds):
            message = f"the job ran for {seconds:g} seconds, its limit (time_limit_seconds), and was stopped"
            return Verdict(failed=(FailedRun(claimed.lease, Reason.DEADLINE_EXCEEDED, message),))
        case Died(message, lack_of_memory=True):
            return Verdict(failed=(FailedRun(claimed.lease, Reason.OUT_OF_MEMORY, message),))
        case Died(message):
            return Verdict(released=(_release(claimed, message, lose_attempt=True),))
        case _:
            assert_never(ending)


def _release(claimed: ClaimedJob, message: str, *, lose_attempt: bool) -> Released:
    return Released(claimed.lease, lose_attempt, Reason.WORKER_LOST, message)


def _sort(group: Group, outcomes: Sequence[Outcome]) -> Verdict:
    """Match outcomes to jobs by key: unknown keys are ignored, and of several for one job the first counts."""
    by_key = {outcome.key: outcome for outcome in reversed(outcomes)}
    finished: list[Finished] = []
    failed: list[FailedRun] = []
    missing: list[ClaimedJob] = []
    for claimed in group.jobs:
        match whole_outcome(claimed, by_key) if claimed.pubs else by_key.get(str(claimed.job.id)):
            case PubResults(results):
                finished.append(Finished(claimed, results))
            case Success(result=result):
                finished.append(Finished(claimed, (result,)))
            case Failure(reason=reason, message=message):
                failed.append(FailedRun(claimed.lease, reason, message))
            case None:
                missing.append(claimed)
    return Verdict(tuple(finished), (*failed, *_unanswered(group, missing)), again=_retried(group, missing))


def _unanswered(group: Group, missing: Sequence[ClaimedJob]) -> tuple[FailedRun, ...]:
    if not group.is_alone:
        return ()
    message = f"plugin {group.plugin} gave no outcome for the job"
    return tuple(FailedRun(claimed.lease, Reason.PLUGIN_ERROR, message) for claimed in missing)


def _retried(group: Group, missing: Sequence[ClaimedJob]) -> tuple[Group, ...]:
    if group.is_alone:
        return ()
    left = group.without(group.job_ids - {claimed.job.id for claimed in missing})
    return left.one_by_one() if left else ()
