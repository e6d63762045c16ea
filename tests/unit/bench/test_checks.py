"""A party whose results can't be right gets no figure."""

import pytest

from bench.checks import WrongOutcomeError, check_agreement, check_outcomes
from bench.tasks import Outcome, Task

TASK = Task("", 10)
EXPVAL_TASK = Task("", 10, [[("Z", 1.0)]])
GOOD = Outcome({"0": 4, "1": 6}, {0: 0.4, 1: 0.6}, [-0.2])


def test_right_outcomes_pass() -> None:
    check_outcomes("QServer", [EXPVAL_TASK, EXPVAL_TASK], [GOOD, GOOD])


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        (GOOD._replace(counts={"0": 4}), "QServer counted 4 shots of 10"),
        (GOOD._replace(expval=[]), "0 expvals for 1 observables"),
        (GOOD._replace(quasi_dist={0: 0.4}), "sums to 0.4"),
    ],
)
def test_a_wrong_outcome_is_told(outcome: Outcome, fault: str) -> None:
    with pytest.raises(WrongOutcomeError, match=fault):
        check_outcomes("QServer", [EXPVAL_TASK], [outcome])


def test_a_missing_outcome_is_told() -> None:
    with pytest.raises(WrongOutcomeError, match="1 results for 2 circuits"):
        check_outcomes("Celery", [TASK, TASK], [GOOD._replace(expval=())])


def test_parties_agree_on_exact_numbers() -> None:
    check_agreement("Celery", [GOOD], [GOOD._replace(expval=[-0.2 + 1e-9])])

    with pytest.raises(WrongOutcomeError, match="circuit 0"):
        check_agreement("Celery", [GOOD], [GOOD._replace(expval=[-0.21])])
