"""A worker that stops: what it ends, what it gives back, and what it waits for."""

from pathlib import Path
from threading import Event, Thread

from structlog.testing import capture_logs

from plugins.registry import Registry
from qserver.jobs import JobStatus
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Settings
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.fake_plugin import ENTRY, FakePlugin
from tests.unit.worker.house import House, nothing_runs
from tests.waiting import wait_until
from worker.program import Program
from worker.service import Worker


def test_draining_lets_a_running_job_end_and_takes_no_other(
    house: House, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker(simulator_processes=1)
    (running,) = house.submit(f"wait {tmp_path / 'go'}")
    wait_until(lambda: not nothing_runs(worker))
    stopping = Thread(target=worker.stop)
    stopping.start()
    wait_until(lambda: worker._parts is not None and worker._parts.board.is_closed)

    (late,) = house.submit("bell")
    (tmp_path / "go").touch()
    stopping.join()

    assert house.job(running).status is JobStatus.FINISHED
    assert house.job(late).status is JobStatus.PENDING


def test_what_is_not_done_when_the_drain_is_over_goes_back_without_losing_an_attempt(
    house: House, start_worker: StartWorker
) -> None:
    worker = start_worker(worker_drain_seconds=0.1)
    (job_id,) = house.submit("hang")
    wait_until(lambda: not nothing_runs(worker))

    worker.stop()

    job = house.job(job_id)
    assert job.status is JobStatus.PENDING
    assert job.max_attempts - job.attempt == 3


def test_a_hurried_stop_waits_for_nothing(house: House, start_worker: StartWorker) -> None:
    worker = start_worker(worker_drain_seconds=1000.0)
    (job_id,) = house.submit("hang")
    wait_until(lambda: not nothing_runs(worker))
    stopping = Thread(target=worker.stop)
    stopping.start()
    wait_until(lambda: worker._parts is not None and worker._parts.board.is_closed)

    worker.hurry()
    stopping.join()

    assert house.job(job_id).status is JobStatus.PENDING


def test_a_worker_whose_thread_fails_says_so_and_can_still_be_stopped(
    house: House, settings: Settings, forkserver: Forkserver
) -> None:
    told = Event()
    program = Program(Registry([FakePlugin()]), entry=ENTRY)
    worker = Worker(settings, house.database, house.broker, forkserver, program=program, on_failure=told.set)

    with capture_logs() as logs:
        house.database.is_broken = True
        worker.start()
        assert told.wait(30.0)
        worker.stop()

    assert worker.has_failed
    assert "thread_failed" in [entry["event"] for entry in logs]


def test_a_stop_waits_for_the_database_to_take_the_last_results(
    house: House, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    (job_id,) = house.submit(f"wait {tmp_path / 'go'}")
    wait_until(lambda: not nothing_runs(worker))
    house.database.is_away = True
    (tmp_path / "go").touch()
    wait_until(lambda: nothing_runs(worker))
    stopping = Thread(target=worker.stop)
    stopping.start()
    refusals = house.database.refusals
    wait_until(lambda: house.database.refusals > refusals + 3)

    house.database.is_away = False
    stopping.join()

    assert house.job(job_id).status is JobStatus.FINISHED
