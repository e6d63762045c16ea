"""`python -m janitor`, as an administrator starts it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from database import Database
from qserver.identity import ANONYMOUS
from tests.integration.janitor import jobs
from tests.waiting import wait_until

START_SECONDS = 60.0


def environment(database_url: str, tmp_path: Path, **variables: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")}
    folders = {"QSERVER_PLUGIN_FOLDER": str(tmp_path / "plugins"), "QSERVER_DATABASE_URL": database_url}
    return {**own, **folders, "QSERVER_KEEP_JOBS_DAYS": "1e-9", **variables}


def job_count(database: Database) -> int:
    with database.reading() as transaction:
        return len(transaction.jobs.list(ANONYMOUS, limit=10))


def test_one_pass_cleans_and_ends(database: Database, database_url: str, tmp_path: Path) -> None:
    jobs.finish(database, 2)

    done = subprocess.run(
        [sys.executable, "-m", "janitor"],
        env=environment(database_url, tmp_path, QSERVER_JANITOR_INTERVAL_SECONDS="0"),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert '"kind": "jobs"' in done.stdout
    assert job_count(database) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_between_passes(
    database: Database, database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    jobs.finish(database)
    process = subprocess.Popen(
        [sys.executable, "-m", "janitor"], env=environment(database_url, tmp_path), stdout=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: job_count(database) == 0, timeout_seconds=START_SECONDS, what="the first pass is over")

        process.send_signal(number)

        assert process.wait(START_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_a_single_pass_that_fails_says_why(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}"

    done = subprocess.run(
        [sys.executable, "-m", "janitor"],
        env=environment(url, tmp_path, QSERVER_JANITOR_INTERVAL_SECONDS="0"),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("janitor: ")
    assert "Traceback" not in done.stderr + done.stdout


def test_a_wrong_setting_stops_it_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "janitor"],
        env=environment("sqlite://", tmp_path, QSERVER_KEEP_JOBS_DAYS="-1"),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert "QSERVER_KEEP_JOBS_DAYS" in done.stderr
