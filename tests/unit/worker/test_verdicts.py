from uuid import UUID

import pytest

from database.records import ClaimedJob, FailedRun
from qserver.errors import Reason
from qserver.plugins import Failure, Success
from tests.unit.worker.claims import a_claim, a_group, a_result
from worker.verdicts import (
    Answered,
    Died,
    Ending,
    Finished,
    Interrupted,
    NotStarted,
    OutOfTime,
    Refused,
    Verdict,
    judge,
)

NOBODY: frozenset[UUID] = frozenset()
BAD_ENDINGS: list[Ending] = [
    Died("died of signal 11", lack_of_memory=False),
    Died("ran out of memory", lack_of_memory=True),
    OutOfTime(5.0),
    Refused(Reason.PLUGIN_ERROR, "raised"),
]


def success(claimed: ClaimedJob) -> Success:
    return Success(str(claimed.job.id), a_result())


def three() -> tuple[ClaimedJob, ClaimedJob, ClaimedJob]:
    return a_claim(), a_claim(), a_claim()


def test_each_job_gets_its_own_outcome_whatever_their_order() -> None:
    one, two, three_ = three()
    failure = Failure(str(two.job.id), Reason.OUT_OF_MEMORY, "too large")

    verdict = judge(a_group(one, two, three_), Answered([success(three_), failure, success(one)]), gone=NOBODY)

    assert verdict.finished == (Finished(one, (a_result(),)), Finished(three_, (a_result(),)))
    assert verdict.failed == (FailedRun(two.lease, Reason.OUT_OF_MEMORY, "too large"),)
    assert (verdict.again, verdict.released) == ((), ())


@pytest.mark.parametrize("ending", BAD_ENDINGS)
def test_nobody_in_a_group_is_blamed_and_each_runs_again_alone(ending: Ending) -> None:
    jobs = three()

    verdict = judge(a_group(*jobs), ending, gone=NOBODY)

    assert verdict == Verdict(again=tuple(a_group(claimed) for claimed in jobs))


@pytest.mark.parametrize("ending", BAD_ENDINGS)
def test_a_job_left_over_from_a_group_is_not_blamed_for_it_either(ending: Ending) -> None:
    one, two, three_ = three()

    verdict = judge(a_group(one, two, three_), ending, gone=frozenset({one.job.id, two.job.id}))

    assert verdict == Verdict(again=(a_group(three_),))


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (Died("ran out of memory", lack_of_memory=True), Reason.OUT_OF_MEMORY),
        (OutOfTime(5.0), Reason.DEADLINE_EXCEEDED),
        (Refused(Reason.RESULT_TOO_LARGE, "too large"), Reason.RESULT_TOO_LARGE),
    ],
)
def test_a_lone_job_fails_by_what_happened(ending: Ending, reason: Reason) -> None:
    claimed = a_claim()

    (failed,) = judge(a_group(claimed), ending, gone=NOBODY).failed

    assert (failed.lease, failed.reason) == (claimed.lease, reason)


def test_a_lone_job_whose_simulator_dies_loses_an_attempt() -> None:
    claimed = a_claim()

    (released,) = judge(a_group(claimed), Died("signal 11", lack_of_memory=False), gone=NOBODY).released

    assert (released.lease, released.lose_attempt, released.message) == (claimed.lease, True, "signal 11")


def test_the_sentence_on_a_deadline_names_the_limit() -> None:
    (failed,) = judge(a_group(), OutOfTime(2.5), gone=NOBODY).failed

    assert "2.5 seconds" in failed.message
    assert "time_limit_seconds" in failed.message


def test_innocent_jobs_of_an_interrupted_run_stay_together() -> None:
    one, two, three_ = three()

    verdict = judge(a_group(one, two, three_), Interrupted(), gone=frozenset({two.job.id}))

    assert verdict == Verdict(again=(a_group(one, three_),))


def test_a_job_that_is_gone_gets_no_verdict() -> None:
    claimed = a_claim()

    assert judge(a_group(claimed), Answered([success(claimed)]), gone=frozenset({claimed.job.id})) == Verdict()


def test_jobs_without_a_simulator_go_back_without_losing_an_attempt() -> None:
    jobs = three()

    verdict = judge(a_group(*jobs), NotStarted("no process", lose_attempt=False), gone=NOBODY)

    assert [(each.lease, each.lose_attempt) for each in verdict.released] == [(each.lease, False) for each in jobs]


def test_a_job_that_a_group_forgot_runs_again_alone() -> None:
    one, two, three_ = three()

    verdict = judge(a_group(one, two, three_), Answered([success(one)]), gone=NOBODY)

    assert verdict.finished == (Finished(one, (a_result(),)),)
    assert verdict.again == (a_group(two), a_group(three_))


def test_a_lone_job_that_its_plugin_forgot_fails() -> None:
    (failed,) = judge(a_group(), Answered([]), gone=NOBODY).failed

    assert failed.reason is Reason.PLUGIN_ERROR


def test_outcomes_for_strangers_and_second_ones_are_ignored() -> None:
    claimed = a_claim()
    second = Failure(str(claimed.job.id), Reason.PLUGIN_ERROR, "second thought")

    verdict = judge(a_group(claimed), Answered([success(a_claim()), success(claimed), second]), gone=NOBODY)

    assert verdict == Verdict(finished=(Finished(claimed, (a_result(),)),))


@pytest.mark.parametrize("ending", [*BAD_ENDINGS, Interrupted(), NotStarted("none", lose_attempt=True), Answered([])])
def test_no_job_is_ever_forgotten_or_decided_twice(ending: Ending) -> None:
    group = a_group(*three())

    verdict = judge(group, ending, gone=NOBODY)

    assert sorted(decided(verdict)) == sorted(group.job_ids)


def decided(verdict: Verdict) -> list[UUID]:
    return [
        *(each.claimed.job.id for each in verdict.finished),
        *(each.lease.job_id for each in verdict.failed),
        *(each.lease.job_id for each in verdict.released),
        *(claimed.job.id for group in verdict.again for claimed in group.jobs),
    ]
