from dataclasses import replace
from uuid import UUID

import pytest

from database.records import ClaimedJob, ClaimedPub, FailedRun
from qserver.errors import Reason
from qserver.plugins import Failure, Outcome, Success
from qserver.results import PubResult
from qserver.sweeps import Sweep
from tests.unit.worker.claims import NO_LIMITS, a_claim, a_group, a_plan, a_result
from worker.groups import form_groups, tasks_of
from worker.verdicts import Answered, Finished, Verdict, judge

NOBODY: frozenset[UUID] = frozenset()


def a_claim_of_pubs(number: int = 3) -> ClaimedJob:
    claimed = a_claim()
    run = claimed.job.request.run
    sweeps = [Sweep(("a",), (place,), bytes(8 * place)) for place in range(number)]
    pubs = tuple(ClaimedPub(claimed.circuit, replace(run, sweep=sweep), a_plan()) for sweep in sweeps)
    return replace(claimed, pubs=pubs)


def result(shots: int) -> PubResult:
    found = a_result()
    return replace(found, run=replace(found.run, shots=shots))


def test_each_pub_is_a_task_of_its_own() -> None:
    claimed = a_claim_of_pubs()

    tasks = tasks_of(claimed)

    assert [task.request for task in tasks] == [pub.run for pub in claimed.pubs]
    assert len({task.key for task in tasks}) == 3


def test_a_job_of_pubs_shares_a_simulator_with_no_other_job() -> None:
    jobs = [a_claim(), a_claim_of_pubs(), a_claim()]

    groups = form_groups(jobs, lambda _: "same", NO_LIMITS)

    assert [len(group.jobs) for group in groups] == [2, 1]
    assert groups[1].jobs == (jobs[1],)


def test_the_results_of_all_pubs_finish_the_job_in_their_order() -> None:
    claimed = a_claim_of_pubs()
    outcomes = [Success(task.key, result(place)) for place, task in enumerate(tasks_of(claimed))]

    verdict = judge(a_group(claimed), Answered(outcomes[::-1]), gone=NOBODY)

    assert verdict == Verdict(finished=(Finished(claimed, (result(0), result(1), result(2))),))


def test_one_pub_that_fails_fails_the_job_and_is_named() -> None:
    claimed = a_claim_of_pubs()
    first, second, third = tasks_of(claimed)
    outcomes: list[Outcome] = [
        Success(first.key, result(0)),
        Failure(second.key, Reason.OUT_OF_MEMORY, "too wide"),
        Failure(third.key, Reason.PLUGIN_ERROR, "not asked any more"),
    ]

    verdict = judge(a_group(claimed), Answered(outcomes), gone=NOBODY)

    assert verdict == Verdict(failed=(FailedRun(claimed.lease, Reason.OUT_OF_MEMORY, "PUB 1: too wide"),))


@pytest.mark.parametrize("answered", [0, 2])
def test_a_pub_without_an_outcome_fails_the_job(answered: int) -> None:
    claimed = a_claim_of_pubs()
    outcomes = [Success(task.key, result(0)) for task in tasks_of(claimed)[:answered]]

    verdict = judge(a_group(claimed), Answered(outcomes), gone=NOBODY)

    assert [failed.reason for failed in verdict.failed] == [Reason.PLUGIN_ERROR]
    assert verdict.finished == ()
