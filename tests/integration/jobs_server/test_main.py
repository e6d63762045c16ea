"""`python -m jobs_server`, as an operator starts and stops it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from uuid import UUID

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import SecretStr

from database import Database
from qserver.jobs import JobStatus
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from qserver.settings import DatabaseSettings
from tests.servers.ports import free_port
from tests.unit.database.builders import read
from tests.unit.jobs_server.builders import BELL
from tests.unit.jobs_server.served import spec_of
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def database(tmp_path: Path) -> None:
    url = SecretStr(f"sqlite:///{tmp_path / 'qserver.db'}")
    made = Database.open(DatabaseSettings(database_url=url))
    made.upgrade()
    made.close()


@contextmanager
def jobs_server(folder: Path, port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "PATH": os.environ["PATH"],
        "QSERVER_DATABASE_URL": f"sqlite:///{folder / 'qserver.db'}",
        "QSERVER_BROKER_URL": "memory://",
        "QSERVER_GRPC_PORT": str(port),
        **variables,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs_server"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_serving(channel: grpc.Channel) -> bool:
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_it_serves_until_it_is_told_to_end_and_then_drains(tmp_path: Path) -> None:
    port = free_port()
    submissions = [jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)]
    with jobs_server(tmp_path, port) as process, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        wait_until(lambda: is_serving(channel), timeout_seconds=DEADLINE_SECONDS, what="the jobs server serves")
        request = jobs_pb2.SubmitJobsRequest(submissions=submissions)
        answers = jobs_pb2_grpc.JobServiceStub(channel).SubmitJobs(request, timeout=DEADLINE_SECONDS).answers
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=DEADLINE_SECONDS)

    log = (tmp_path / "log").read_text()
    assert answers[0].job.id
    assert process.returncode == 0, log
    assert "jobs_server_stopped" in log
    assert "Traceback" not in log


def test_an_upload_under_way_is_taken_in_to_its_end(tmp_path: Path) -> None:
    port, has_begun, may_go_on = free_port(), Event(), Event()

    def pieces() -> Iterator[jobs_pb2.SubmitJobRequest]:
        yield jobs_pb2.SubmitJobRequest(spec=spec_of())
        yield jobs_pb2.SubmitJobRequest(chunk=BELL[:10])
        has_begun.set()
        may_go_on.wait(DEADLINE_SECONDS)
        yield jobs_pb2.SubmitJobRequest(chunk=BELL[10:])

    with jobs_server(tmp_path, port) as process, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        wait_until(lambda: is_serving(channel), timeout_seconds=DEADLINE_SECONDS, what="the jobs server serves")
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        next(watch)
        upload = jobs_pb2_grpc.JobServiceStub(channel).SubmitJob.future(pieces(), timeout=DEADLINE_SECONDS)
        assert has_begun.wait(DEADLINE_SECONDS)
        # Asked on the same connection, so that the upload came before.
        wait_until(lambda: is_serving(channel), timeout_seconds=DEADLINE_SECONDS, what="the jobs server still serves")
        process.send_signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
        may_go_on.set()
        job_id = UUID(upload.result().job.id)
        process.wait(timeout=DEADLINE_SECONDS)

    stored = Database.open(DatabaseSettings(database_url=SecretStr(f"sqlite:///{tmp_path / 'qserver.db'}")))
    assert read(stored, job_id).status is JobStatus.PENDING
    stored.close()
    assert process.returncode == 0, (tmp_path / "log").read_text()


def test_a_second_signal_hurries(tmp_path: Path) -> None:
    port = free_port()
    variables = {"QSERVER_GRPC_DRAIN_SECONDS": "3600"}
    with jobs_server(tmp_path, port, **variables) as process, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        wait_until(lambda: is_serving(channel), timeout_seconds=DEADLINE_SECONDS, what="the jobs server serves")
        open_call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        next(open_call)
        process.send_signal(signal.SIGTERM)
        assert next(open_call).status == health_pb2.HealthCheckResponse.NOT_SERVING
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=DEADLINE_SECONDS)

    assert process.returncode == 0, (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"QSERVER_GRPC_PORT": "70000"}, "QSERVER_GRPC_PORT"),
        ({"QSERVER_GRPC_HOST": "203.0.113.1"}, "nobody would be asked for a key: set QSERVER_AUTH"),
        ({"QSERVER_GRPC_HOST": "203.0.113.1", "QSERVER_AUTH": "required"}, "can't listen on 203.0.113.1"),
        ({"QSERVER_BROKER_URL": "http://here"}, "QSERVER_BROKER_URL"),
    ],
)
def test_a_wrong_setting_stops_it_with_a_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    with jobs_server(tmp_path, free_port(), **variables) as process:
        process.wait(timeout=DEADLINE_SECONDS)

    log = (tmp_path / "log").read_text()
    assert process.returncode == 1, log
    assert sentence in log
    assert "Traceback" not in log
