"""That a party did the work: a rate of wrong results is worth nothing."""

import math
from collections.abc import Sequence

from bench.tasks import Outcome, Task

_TOLERANCE = 1e-6


class WrongOutcomeError(RuntimeError):
    """A party gave something that can't be the result of its task."""


def check_outcomes(party: str, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> None:
    """Raise WrongOutcomeError unless each task has counts of all its shots and the numbers that it asked for."""
    if len(tasks) != len(outcomes):
        raise WrongOutcomeError(f"{party} gave {len(outcomes):,} results for {len(tasks):,} circuits")
    for task, outcome in zip(tasks, outcomes, strict=True):
        _check_outcome(party, task, outcome)


def _check_outcome(party: str, task: Task, outcome: Outcome) -> None:
    total = sum(outcome.counts.values())
    if total != task.shots:
        raise WrongOutcomeError(f"{party} counted {total:,} shots of {task.shots:,}")
    if len(outcome.expval) != len(task.observables):
        raise WrongOutcomeError(f"{party} gave {len(outcome.expval)} expvals for {len(task.observables)} observables")
    if task.observables and not math.isclose(sum(outcome.quasi_dist.values()), 1, abs_tol=_TOLERANCE):
        raise WrongOutcomeError(f"{party} gave a quasi_dist that sums to {sum(outcome.quasi_dist.values())}, not to 1")


def check_agreement(party: str, outcomes: Sequence[Outcome], reference: Sequence[Outcome]) -> None:
    """Raise WrongOutcomeError where exact expvals of two parties differ by more than 1e-6."""
    for number, (own, other) in enumerate(zip(outcomes, reference, strict=True)):
        pairs = zip(own.expval, other.expval, strict=True)
        if not all(math.isclose(one, another, abs_tol=_TOLERANCE) for one, another in pairs):
            raise WrongOutcomeError(f"{party} says {own.expval} of circuit {number}, another party {other.expval}")
