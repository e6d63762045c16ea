"""The whole worker, on a database in a file and a broker in memory, with simulators that die when told to."""

from pathlib import Path
from threading import Event, Thread

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from plugins.registry import Registry
from qserver.errors import Reason
from qserver.jobs import JobStatus
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Settings
from tests.unit.worker.claims import a_plan
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.fake_plugin import ENTRY, FakePlugin
from tests.unit.worker.house import House
from tests.waiting import seconds_until, wait_until
from worker import service
from worker.program import Program
from worker.service import Worker

MIB = 1024 * 1024


def nothing_runs(worker: Worker) -> bool:
    assert worker._parts is not None
    return not worker._parts.board.runs()


def test_jobs_are_run_and_their_results_stored(house: House, start_worker: StartWorker) -> None:
    start_worker()

    job_ids = house.submit(*["bell"] * 100)

    house.wait_for(job_ids, JobStatus.FINISHED)
    assert all(house.result(job_id).counts == {"00": 1000} for job_id in job_ids)


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


def test_a_result_tells_where_the_time_went(house: House, start_worker: StartWorker) -> None:
    start_worker()

    (job_id,) = house.submit("bell")

    house.wait_for([job_id], JobStatus.FINISHED)
    seconds = house.result(job_id).run.seconds
    assert seconds.queued > 0
    assert seconds.storing > 0


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


def test_a_job_that_was_canceled_while_it_waited_is_never_started(house: House, start_worker: StartWorker) -> None:
    (job_id,) = house.submit("bell")
    house.cancel(job_id)

    start_worker()
    house.wait_for(house.submit("bell"), JobStatus.FINISHED)

    assert [event.status for event in house.events(job_id)] == [JobStatus.PENDING, JobStatus.CANCELED]


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


def test_a_worker_that_can_not_simulate_takes_no_jobs(house: House, start_worker: StartWorker) -> None:
    with capture_logs() as logs:
        start_worker(entry="tests.unit.worker.fake_plugin:main_of_wrong_plugin")
        (job_id,) = house.submit("bell")
        wait_until(lambda: len([entry for entry in logs if entry["event"] == "simulator_failed_its_test"]) >= 3)

    assert house.job(job_id).status is JobStatus.PENDING


def test_a_worker_that_can_not_simulate_promises_no_routes_and_says_so(house: House, start_worker: StartWorker) -> None:
    worker = start_worker(entry="tests.unit.worker.fake_plugin:main_of_wrong_plugin", heartbeat_seconds=0.05)

    wait_until(lambda: [record.routes for record in house.workers()] == [frozenset()])

    figures = generate_latest(worker._metrics.registry).decode()
    assert 'qserver_worker_unfit{lane="narrow"} 1.0' in figures


def test_a_worker_registers_tells_that_it_lives_and_takes_its_leave(house: House, start_worker: StartWorker) -> None:
    worker = start_worker(worker_name="ada", heartbeat_seconds=0.05)

    wait_until(lambda: [record.name for record in house.workers()] == ["ada"])
    worker.stop()
    assert house.workers() == []


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
