"""Workers that are killed or frozen: their leases run out, and others do the work."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from qserver.jobs import JobStatus
from qserver.settings import Settings
from tests.integration.worker.other_worker import LEASE_SECONDS
from tests.unit.worker.conftest import StartWorker
from tests.unit.worker.house import House, worker_settings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings(postgres_database_url: str) -> Settings:
    return worker_settings(postgres_database_url, lease_seconds=LEASE_SECONDS)


@contextmanager
def other_worker(settings: Settings, job_id: UUID, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own that runs this job."""
    url = settings.database.database_url.get_secret_value()
    command = [sys.executable, "-m", "tests.integration.worker.other_worker", url, str(job_id)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_job_of_a_killed_worker_is_finished_by_another(
    house: House, settings: Settings, start_worker: StartWorker, tmp_path: Path
) -> None:
    (job_id,) = house.submit(f"wait {tmp_path / 'go'}")
    with other_worker(settings, job_id, tmp_path / "log") as process:
        house.wait_for([job_id], JobStatus.RUNNING)
        process.kill()

    (tmp_path / "go").touch()
    wait_until(lambda: house.lose_leases() == [job_id])
    start_worker()

    (job,) = house.wait_for([job_id], JobStatus.FINISHED)
    assert job.attempt == 2


def test_a_worker_that_was_frozen_can_not_overwrite_what_another_did(
    house: House, settings: Settings, start_worker: StartWorker, tmp_path: Path
) -> None:
    (job_id,) = house.submit(f"wait {tmp_path / 'go'}")
    with other_worker(settings, job_id, tmp_path / "log") as process:
        house.wait_for([job_id], JobStatus.RUNNING)
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: house.lose_leases() == [job_id])
        (tmp_path / "go").touch()
        start_worker()
        (before,) = house.wait_for([job_id], JobStatus.FINISHED)
        os.kill(process.pid, signal.SIGCONT)
        wait_until(
            lambda: b"lease_gone" in (tmp_path / "log").read_bytes() or b"refused" in (tmp_path / "log").read_bytes()
        )

    assert house.job(job_id) == before
    assert before.attempt == 2
