from dataclasses import replace

from database.records import ClaimedJob
from qserver.jobs import Observable, PauliTerm
from qserver.noise_models import NoiseModel
from tests.unit.worker.claims import NO_LIMITS, a_claim, a_group, a_plan
from worker.groups import GroupLimits, Lane, form_groups, task_of


def same(_: ClaimedJob) -> str:
    return "same"


def test_jobs_of_one_key_travel_together_in_the_order_of_their_claim() -> None:
    jobs = [a_claim() for _ in range(5)]

    (group,) = form_groups(jobs, same, NO_LIMITS)

    assert group.jobs == tuple(jobs)


def test_jobs_of_other_plugins_or_keys_travel_apart() -> None:
    jobs = [a_claim(plugin="one"), a_claim(plugin="two"), a_claim(plugin="one", source=b"ghz"), a_claim(plugin="one")]

    groups = form_groups(jobs, lambda claimed: claimed.circuit.source.decode(), NO_LIMITS)

    assert [group.jobs for group in groups] == [(jobs[0], jobs[3]), (jobs[1],), (jobs[2],)]


def test_a_job_without_key_is_alone() -> None:
    groups = form_groups([a_claim(), a_claim()], lambda _: None, NO_LIMITS)

    assert [group.is_alone for group in groups] == [True, True]


def test_jobs_that_want_every_core_are_alone_and_wide() -> None:
    groups = form_groups([a_claim(plan=a_plan(threads=0)) for _ in range(2)], same, NO_LIMITS)

    assert [(group.lane, group.is_alone) for group in groups] == [(Lane.WIDE, True)] * 2


def test_jobs_for_the_gpu_and_for_a_core_are_never_mixed() -> None:
    groups = form_groups([a_claim(), a_claim(plan=a_plan(device="GPU", threads=0))], same, NO_LIMITS)

    assert [group.lane for group in groups] == [Lane.NARROW, Lane.GPU]


def test_a_job_with_little_time_is_alone_so_that_company_does_not_use_it_up() -> None:
    groups = form_groups([a_claim(), a_claim(time_limit_seconds=0.5), a_claim(time_limit_seconds=60)], same, NO_LIMITS)

    assert [len(group.jobs) for group in groups] == [2, 1]


def test_jobs_of_a_file_plugin_are_alone() -> None:
    groups = form_groups([a_claim(route="plugin.fake-plugin") for _ in range(2)], same, NO_LIMITS)

    assert [(group.file_plugin, group.is_alone) for group in groups] == [(True, True)] * 2


def test_a_group_is_cut_at_the_number_of_jobs() -> None:
    groups = form_groups([a_claim() for _ in range(5)], same, GroupLimits(jobs=2, seconds=1000, bytes=2**30))

    assert [len(group.jobs) for group in groups] == [2, 2, 1]


def test_a_group_is_cut_at_its_estimated_time_but_a_long_job_still_runs() -> None:
    jobs = [a_claim(plan=a_plan(seconds=seconds)) for seconds in (0.1, 0.1, 0.1, 5.0)]

    groups = form_groups(jobs, same, GroupLimits(jobs=64, seconds=0.25, bytes=2**30))

    assert [len(group.jobs) for group in groups] == [2, 1, 1]


def test_a_group_is_cut_at_the_size_of_its_circuits() -> None:
    groups = form_groups(
        [a_claim(source=b"x" * 600) for _ in range(3)], same, GroupLimits(jobs=64, seconds=1000, bytes=1000)
    )

    assert [len(group.jobs) for group in groups] == [1, 1, 1]


def test_a_group_is_cut_at_the_size_of_its_observables() -> None:
    observables = (Observable((PauliTerm("ZZ", 1.0),) * 10_000),)
    jobs = [a_claim(observables=observables) for _ in range(3)]

    groups = form_groups(jobs, same, GroupLimits(jobs=64, seconds=1000, bytes=500_000))

    assert [len(group.jobs) for group in groups] == [1, 1, 1]


def test_a_group_counts_time_as_sum_and_memory_as_maximum() -> None:
    group = a_group(
        a_claim(plan=a_plan(seconds=1.0, memory_bytes=10)), a_claim(plan=a_plan(seconds=2.0, memory_bytes=30))
    )

    assert (group.seconds, group.memory_bytes) == (3.0, 30)


def test_a_group_without_all_of_its_jobs_is_none() -> None:
    group = a_group()

    assert group.without(group.job_ids) is None
    assert group.without(frozenset()) == group


def test_a_task_names_its_job() -> None:
    claimed = a_claim()

    task = task_of(claimed)

    assert task.key == str(claimed.job.id)
    assert task.request is claimed.job.request.run


def test_a_noise_model_counts_once_for_all_jobs_of_a_group() -> None:
    model, other = NoiseModel.of({"errors": [0] * 50}), NoiseModel.of({"errors": [1] * 50})
    jobs = [replace(a_claim(source=b""), noise_model=each) for each in (model, model, model, other)]

    groups = form_groups(jobs, same, GroupLimits(jobs=10, seconds=1000, bytes=len(model.text) + 10))

    assert [len(group.jobs) for group in groups] == [3, 1]


def test_the_simulator_gets_the_noise_model_of_a_job() -> None:
    model = NoiseModel.of({"errors": []})

    assert task_of(replace(a_claim(), noise_model=model)).noise_model == model.text
