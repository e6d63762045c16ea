"""What a worker offers, to the broker and in the table of workers: no more than it can do."""

from pathlib import Path

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from qserver.jobs import JobStatus
from tests.unit.worker.claims import a_plan
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.fake_plugin import FakePlugin
from tests.unit.worker.house import House
from tests.waiting import wait_until
from worker import service

MIB = 1024 * 1024


def test_a_worker_takes_no_jobs_of_a_plugin_whose_engine_is_not_installed(
    house: House, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakePlugin, "engine_modules", ("no_such_engine",), raising=False)
    (job_id,) = house.submit("bell")

    start_worker()

    for _ in range(2):  # once the second hint is taken, the claim that the first one led to has been answered
        wait_until(lambda: house.broker.publisher().waiting("cpu") == 0, timeout_seconds=10)
        house.publish([job_id])
    wait_until(lambda: house.broker.publisher().waiting("cpu") == 0, timeout_seconds=10)
    assert (house.job(job_id).status, house.job(job_id).attempt) == (JobStatus.PENDING, 0)
    (worker,) = house.workers()
    assert "fake" not in worker.plugins


def test_a_worker_that_can_not_simulate_takes_no_jobs(house: House, start_worker: StartWorker) -> None:
    with capture_logs() as logs:
        start_worker(entry="tests.unit.worker.fake_plugin:main_of_wrong_plugin")
        (job_id,) = house.submit("bell")
        wait_until(lambda: len([entry for entry in logs if entry["event"] == "simulator_failed_its_test"]) >= 3)

    assert house.job(job_id).status is JobStatus.PENDING


def test_a_worker_that_can_not_simulate_promises_no_routes_and_says_so(house: House, start_worker: StartWorker) -> None:
    worker = start_worker(entry="tests.unit.worker.fake_plugin:main_of_wrong_plugin", heartbeat_seconds=0.05)

    wait_until(lambda: 'qserver_worker_unfit{lane="narrow"} 1.0' in generate_latest(worker._metrics.registry).decode())
    wait_until(lambda: [record.routes for record in house.workers()] == [frozenset()])


def test_a_worker_registers_tells_that_it_lives_and_takes_its_leave(house: House, start_worker: StartWorker) -> None:
    worker = start_worker(worker_name="ada", heartbeat_seconds=0.05)

    wait_until(lambda: [record.name for record in house.workers()] == ["ada"])
    worker.stop()
    assert house.workers() == []


def test_a_gpu_that_works_is_used_beside_busy_cores(
    house: House, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service, "find_gpu_memory_bytes", lambda: 1024 * MIB)
    start_worker()
    (busy,) = house.submit(f"wait {tmp_path / 'go'}", plan=a_plan(threads=0))
    house.wait_for([busy], JobStatus.RUNNING)

    job_ids = house.submit("bell", "bell", plan=a_plan(device="GPU"), route="gpu")

    house.wait_for(job_ids, JobStatus.FINISHED)
    assert house.job(busy).status is JobStatus.RUNNING
    assert {house.result(job_id).run.device for job_id in job_ids} == {"GPU"}


def test_a_gpu_that_does_not_work_is_not_offered(
    house: House, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "find_gpu_memory_bytes", lambda: 1024 * MIB)

    start_worker(entry="tests.unit.worker.fake_plugin:main_of_wrong_plugin")

    wait_until(lambda: len(house.workers()) == 1)
    (record,) = house.workers()
    assert (record.devices, record.gpu_memory_bytes) == (("CPU",), 0)
    assert "gpu" not in record.routes
