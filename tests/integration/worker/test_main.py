"""`python -m worker`, as an operator starts and stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from database import Database
from qserver.settings import DatabaseSettings
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = SecretStr(f"sqlite:///{tmp_path / 'qserver.db'}")
    database = Database.open(DatabaseSettings(database_url=url))
    database.upgrade()
    yield database
    database.close()


@contextmanager
def worker_process(folder: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    environment: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "QSERVER_DATABASE_URL": f"sqlite:///{folder / 'qserver.db'}",
        "QSERVER_BROKER_URL": "memory://",
        "QSERVER_PLUGIN_FOLDER": str(folder / "plugins"),
        "QSERVER_WORKER_NAME": "ada",
        **variables,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "worker"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def names(database: Database) -> list[str]:
    with database.reading() as transaction:
        return [record.name for record in transaction.workers.list(live_within_seconds=None)]


def test_a_worker_ends_in_order_when_it_is_told_to(tmp_path: Path, database: Database) -> None:
    with worker_process(tmp_path) as process:
        wait_until(lambda: b"simulator_ready" in (tmp_path / "log").read_bytes() or names(database) == ["ada"])
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30.0)

    assert process.returncode == 0
    assert names(database) == []
    assert b"Traceback" not in (tmp_path / "log").read_bytes()


def test_a_wrong_setting_stops_the_worker_with_a_sentence(tmp_path: Path) -> None:
    with worker_process(tmp_path, QSERVER_HEARTBEAT_SECONDS="0") as process:
        process.wait(timeout=30.0)

    assert process.returncode == 1
    assert b"QSERVER_HEARTBEAT_SECONDS" in (tmp_path / "log").read_bytes()


def test_a_plugin_folder_that_can_not_be_used_stops_the_worker_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "plugins").write_text("a file where the folder should be")

    with worker_process(tmp_path) as process:
        process.wait(timeout=30.0)

    assert process.returncode == 1
    assert b"QSERVER_PLUGIN_FOLDER" in (tmp_path / "log").read_bytes()
    assert b"Traceback" not in (tmp_path / "log").read_bytes()
