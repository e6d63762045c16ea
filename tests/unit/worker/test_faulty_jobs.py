"""Jobs that crash, hang, want too much or are canceled hurt nobody else."""

from qserver.errors import Reason
from qserver.jobs import JobStatus
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.house import House, nothing_runs
from tests.waiting import seconds_until, wait_until

MIB = 1024 * 1024


def test_a_crash_under_a_group_hurts_nobody_else(house: House, start_worker: StartWorker) -> None:
    job_ids = house.submit(*["bell"] * 10, "crash", *["bell"] * 10)

    start_worker()

    others = [*job_ids[:10], *job_ids[11:]]
    assert all(job.attempt == 1 for job in house.wait_for(others, JobStatus.FINISHED))
    house.wait_for([job_ids[10]], JobStatus.PENDING)


def test_a_job_that_crashes_every_time_fails_after_its_last_attempt(house: House, start_worker: StartWorker) -> None:
    (job_id,) = house.submit("crash")
    start_worker()

    def is_over() -> bool:
        house.republish_pending()
        return house.job(job_id).status.is_final

    wait_until(is_over)

    job = house.job(job_id)
    assert (job.status, job.reason, job.attempt) == (JobStatus.FAILED, Reason.WORKER_LOST, 3)


def test_a_fault_in_a_group_fails_one_job_with_the_plugins_sentence(house: House, start_worker: StartWorker) -> None:
    *good, bad = house.submit(*["bell"] * 5, "raise")

    start_worker()

    house.wait_for(good, JobStatus.FINISHED)
    (job,) = house.wait_for([bad], JobStatus.FAILED)
    assert job.reason is Reason.PLUGIN_ERROR
    assert "a fault of the circuit" in (job.message or "")


def test_a_job_that_wants_too_much_memory_fails_alone(house: House, start_worker: StartWorker) -> None:
    *good, bad = house.submit(*["bell"] * 5, f"hog {2048 * MIB}")

    start_worker()

    house.wait_for(good, JobStatus.FINISHED)
    (job,) = house.wait_for([bad], JobStatus.FAILED)
    assert job.reason is Reason.OUT_OF_MEMORY


def test_a_job_that_returns_too_much_fails_alone(house: House, start_worker: StartWorker) -> None:
    *good, bad = house.submit("bell", "flood")

    start_worker()

    house.wait_for(good, JobStatus.FINISHED)
    (job,) = house.wait_for([bad], JobStatus.FAILED)
    assert job.reason is Reason.RESULT_TOO_LARGE


def test_a_canceled_job_frees_its_core_within_a_second(house: House, start_worker: StartWorker) -> None:
    worker = start_worker(simulator_processes=1)

    def seconds_to_free() -> float:
        (job_id,) = house.submit("hang")
        wait_until(lambda: not nothing_runs(worker))
        house.cancel(job_id)
        seconds = seconds_until(lambda: nothing_runs(worker))
        assert house.job(job_id).status is JobStatus.CANCELED
        return seconds

    assert any(seconds_to_free() < 1.0 for _ in range(5))  # once is enough: the machine has other work, too
    house.wait_for(house.submit("bell"), JobStatus.FINISHED)


def test_canceling_one_of_a_group_costs_the_others_nothing(house: House, start_worker: StartWorker) -> None:
    hanging, *others = house.submit("hang", *["bell"] * 5)
    worker = start_worker(simulator_processes=1)
    wait_until(lambda: not nothing_runs(worker))

    house.cancel(hanging)

    assert all(job.attempt == 1 for job in house.wait_for(others, JobStatus.FINISHED))


def test_a_job_past_its_time_limit_fails_with_a_sentence(house: House, start_worker: StartWorker) -> None:
    start_worker()

    (job_id,) = house.submit("hang", time_limit_seconds=0.3)

    (job,) = house.wait_for([job_id], JobStatus.FAILED)
    assert job.reason is Reason.DEADLINE_EXCEEDED
    assert "0.3 seconds" in (job.message or "")


def test_a_job_that_hangs_does_not_use_up_the_time_of_its_group(house: House, start_worker: StartWorker) -> None:
    good = house.submit(*["bell"] * 5, time_limit_seconds=60.0)
    (bad,) = house.submit("hang", time_limit_seconds=2.0)

    start_worker(simulator_processes=1)

    house.wait_for(good, JobStatus.FINISHED)
    (job,) = house.wait_for([bad], JobStatus.FAILED)
    assert (job.reason, job.attempt) == (Reason.DEADLINE_EXCEEDED, 1)
