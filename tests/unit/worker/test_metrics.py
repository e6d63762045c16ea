"""What a worker tells Prometheus."""

from prometheus_client import generate_latest

from qserver.jobs import JobStatus
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.house import House
from tests.waiting import wait_until


def test_jobs_are_counted_with_what_became_of_them_and_where_their_time_went(
    house: House, start_worker: StartWorker
) -> None:
    worker = start_worker()

    house.wait_for(house.submit("bell", "bell"), JobStatus.FINISHED)

    registry = worker._metrics.registry
    labels = {"outcome": "finished", "reason": ""}
    wait_until(lambda: registry.get_sample_value("qserver_worker_jobs_total", labels) == 2)
    for phase in ("queued", "loading", "simulating", "storing"):
        assert registry.get_sample_value("qserver_job_phase_seconds_count", {"phase": phase}) == 2


def test_a_failed_job_is_counted_with_its_reason(house: House, start_worker: StartWorker) -> None:
    worker = start_worker()

    job_ids = house.submit("raise")
    house.wait_for(job_ids, JobStatus.FAILED)

    reason = house.job(job_ids[0]).reason
    assert reason is not None
    labels = {"outcome": "failed", "reason": reason.value}
    wait_until(lambda: worker._metrics.registry.get_sample_value("qserver_worker_jobs_total", labels) == 1)


def test_the_use_of_simulators_is_told(house: House, start_worker: StartWorker) -> None:
    worker = start_worker()
    house.wait_for(house.submit("bell"), JobStatus.FINISHED)

    text = generate_latest(worker._metrics.registry).decode()

    assert "qserver_worker_places 2.0" in text
    assert 'qserver_worker_busy_simulators{lane="narrow"}' in text
