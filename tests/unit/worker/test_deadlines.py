from tests.unit.worker.claims import a_claim, a_group, a_plan
from worker.deadlines import GRACE_SECONDS, MIN_GROUP_SECONDS, grace_seconds, run_seconds


def test_a_lone_job_has_its_own_time_limit() -> None:
    assert run_seconds(a_group(a_claim(time_limit_seconds=7)), longest_seconds=100) == 7


def test_a_lone_job_without_a_limit_has_the_longest() -> None:
    assert run_seconds(a_group(), longest_seconds=100) == 100


def test_a_group_has_the_shortest_limit_of_its_jobs() -> None:
    group = a_group(a_claim(time_limit_seconds=5), a_claim(time_limit_seconds=3), a_claim())

    assert run_seconds(group, longest_seconds=100) == 3


def test_a_group_that_takes_far_longer_than_foreseen_is_not_waited_for_all_day() -> None:
    assert run_seconds(a_group(a_claim(), a_claim()), longest_seconds=86_400) == MIN_GROUP_SECONDS


def test_a_group_that_is_foreseen_to_take_long_is_given_more() -> None:
    group = a_group(a_claim(plan=a_plan(seconds=1.0)), a_claim(plan=a_plan(seconds=1.0)))

    assert run_seconds(group, longest_seconds=86_400) == 40


def test_a_run_that_is_about_to_end_is_left_to_end() -> None:
    group = a_group(a_claim(plan=a_plan(seconds=1.0)))

    assert grace_seconds(group, elapsed_seconds=0.9) == GRACE_SECONDS
    assert grace_seconds(group, elapsed_seconds=1.1) == GRACE_SECONDS


def test_a_run_whose_end_is_far_or_unknown_is_killed_at_once() -> None:
    group = a_group(a_claim(plan=a_plan(seconds=1.0)))

    assert grace_seconds(group, elapsed_seconds=0.1) == 0
    assert grace_seconds(group, elapsed_seconds=5.0) == 0
