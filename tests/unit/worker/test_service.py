"""The whole worker, on a database in a file and a broker in memory, with simulators that die when told to."""

from pathlib import Path

from qserver.jobs import JobStatus
from tests.unit.worker.claims import a_plan
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.house import House, nothing_runs
from tests.waiting import wait_until


def test_jobs_are_run_and_their_results_stored(house: House, start_worker: StartWorker) -> None:
    start_worker()

    job_ids = house.submit(*["bell"] * 100)

    house.wait_for(job_ids, JobStatus.FINISHED)
    assert all(house.result(job_id).counts == {"00": 1000} for job_id in job_ids)


def test_a_claim_is_not_waited_for_and_a_result_is(house: House, start_worker: StartWorker) -> None:
    start_worker()

    (job_id,) = house.submit("bell")

    house.wait_for([job_id], JobStatus.FINISHED)
    assert house.database.hasty_transactions == 1


def test_a_result_tells_where_the_time_went(house: House, start_worker: StartWorker) -> None:
    start_worker()

    (job_id,) = house.submit("bell")

    house.wait_for([job_id], JobStatus.FINISHED)
    seconds = house.result(job_id).run.seconds
    assert seconds.queued > 0
    assert seconds.storing > 0


def test_a_job_whose_plugin_cannot_name_its_company_runs_alone(house: House, start_worker: StartWorker) -> None:
    job_ids = house.submit("bell", "unkeyable", "bell")

    start_worker()

    house.wait_for(job_ids, JobStatus.FINISHED)


def test_a_job_for_all_cores_gets_them(house: House, start_worker: StartWorker) -> None:
    worker = start_worker()

    job_ids = house.submit("bell", "bell", plan=a_plan(threads=0))

    house.wait_for(job_ids, JobStatus.FINISHED)
    assert worker._parts is not None
    assert {house.result(job_id).run.threads for job_id in job_ids} == {worker._parts.board._capacity.cores}


def test_small_jobs_flow_beside_large_ones_however_many_somebody_sent(house: House, start_worker: StartWorker) -> None:
    start_worker(simulator_processes=4, simulator_memory_mib=4096)
    plan = a_plan(threads=0, memory_bytes=3 * 1024**3)
    large = []

    for _ in range(6):
        large += house.submit("hang", plan=plan, route="large")
        house.wait_for(house.submit(*["bell"] * 5), JobStatus.FINISHED)

    statuses = {house.job(job_id).status for job_id in large}
    assert statuses == {JobStatus.RUNNING, JobStatus.PENDING}  # the worker takes no more than it can soon start


def test_a_job_that_was_canceled_while_it_waited_is_never_started(house: House, start_worker: StartWorker) -> None:
    (job_id,) = house.submit("bell")
    house.cancel(job_id)

    start_worker()
    house.wait_for(house.submit("bell"), JobStatus.FINISHED)

    assert [event.status for event in house.events(job_id)] == [JobStatus.PENDING, JobStatus.CANCELED]


def test_duplicates_of_every_message_run_each_job_once(house: House, start_worker: StartWorker) -> None:
    job_ids = house.submit(*["bell"] * 50)
    house.publish(job_ids)

    start_worker()
    start_worker()
    house.publish(job_ids)
    house.wait_for(job_ids, JobStatus.FINISHED)
    house.publish(job_ids)
    house.wait_for(house.submit("bell"), JobStatus.FINISHED)

    once = [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FINISHED]
    assert all([event.status for event in house.events(job_id)] == once for job_id in job_ids)


def test_results_are_kept_while_the_database_is_away(house: House, start_worker: StartWorker, tmp_path: Path) -> None:
    worker = start_worker()
    (job_id,) = house.submit(f"wait {tmp_path / 'go'}")
    wait_until(lambda: not nothing_runs(worker))

    house.database.is_away = True
    (tmp_path / "go").touch()
    wait_until(lambda: nothing_runs(worker))
    refusals = house.database.refusals
    wait_until(lambda: house.database.refusals > refusals + 3)
    house.database.is_away = False

    (job,) = house.wait_for([job_id], JobStatus.FINISHED)
    assert job.attempt == 1
