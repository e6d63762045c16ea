"""Life after the first day: restarts, backups, restoring into an empty installation, bad input."""

import re
import shutil
import socket

import grpc
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.compose.load import Load
from tests.compose.stack import START_SECONDS, UPGRADED, Stack, look, submission, submit, wait_until_finished
from tests.waiting import wait_until


def run_jobs(stack: Stack, name: str) -> list[str]:
    job_ids = submit(stack, [submission(f"{name}-{number}") for number in range(10)])
    wait_until_finished(stack, job_ids)
    return job_ids


def counts_of(stack: Stack, job_ids: list[str]) -> list[dict[str, int]]:
    with stack.http() as http:
        return [http.get(f"/api/v1/job/result/{job_id}").json()["counts"] for job_id in job_ids]


@pytest.mark.timeout(1800)
def test_an_upgrade_under_load_loses_nothing(stack: Stack) -> None:
    load = Load(stack)
    load.start()
    try:
        stack.upgrade()
        before = load.failed_calls
        stack.compose("run", "--rm", "-T", "migrate")  # the old version serves meanwhile
        failed_meanwhile = load.failed_calls - before
        stack.up()
    finally:
        load.stop()
    wait_until(load.try_once, timeout_seconds=START_SECONDS, what="everything is accepted")
    wait_until_finished(stack, list(load.accepted.values()))

    images = {name: str(look(each, "Config", "Image")) for name, each in stack.containers().items()}
    assert failed_meanwhile == 0
    assert all(image.endswith(UPGRADED) for image in images.values() if image.startswith("qserver/")), images
    assert len(set(load.accepted.values())) == len(load.wanted)
    assert stack.number_of("results") == stack.number_of("jobs")


@pytest.mark.timeout(1200)
def test_results_outlive_a_restart_of_everything(stack: Stack) -> None:
    job_ids = run_jobs(stack, "restart")
    before = counts_of(stack, job_ids)

    stack.down()
    stack.up()

    assert counts_of(stack, job_ids) == before


@pytest.mark.timeout(1800)
def test_a_backup_restored_into_an_empty_stack_has_everything(stack: Stack) -> None:
    job_ids = run_jobs(stack, "backup")
    before = counts_of(stack, job_ids)
    backup = stack.folder / "backup.tar"
    told = stack.run(["scripts/backup.sh", str(backup)]).stdout
    assert "tables of version" in told

    occupied = stack.run(["scripts/restore.sh", str(backup)], check=False)
    stack.down("--volumes")
    stack.env_file.rename(stack.folder / "env.before")
    stack.run(["scripts/restore.sh", str(backup)])
    stack.up()

    assert "stop the services first" in occupied.stderr
    assert stack.env_file.read_text() == (stack.folder / "env.before").read_text()
    assert counts_of(stack, job_ids) == before
    run_jobs(stack, "after")


def test_tables_of_a_newer_version_stop_migrate_with_a_sentence(stack: Stack) -> None:
    version = stack.in_database("SELECT version_num FROM alembic_version")
    stack.in_database("UPDATE alembic_version SET version_num = '9999'")
    try:
        told = stack.compose("run", "--rm", "-T", "migrate", check=False)
    finally:
        stack.in_database(f"UPDATE alembic_version SET version_num = '{version}'")  # noqa: S608 - its own

    assert "version 9999, which this program doesn't know" in told


def test_a_port_in_use_is_named(stack: Stack) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - as the proxy's port is
        port = taken.getsockname()[1]
        stack.env_file.write_text(
            re.sub(r"^HTTP_PORT=.*$", f"HTTP_PORT={port}", stack.env_file.read_text(), flags=re.MULTILINE)
        )
        doctor = stack.run(["python3", "-m", "doctor", "--env-file", str(stack.env_file)], check=False)
    stack.env_file.write_text(
        re.sub(r"^HTTP_PORT=.*$", f"HTTP_PORT={stack.http_port}", stack.env_file.read_text(), flags=re.MULTILINE)
    )

    assert doctor.returncode == 1
    assert f"HTTP_PORT={port}" in doctor.stdout


def test_the_doctor_finds_a_running_installation_well(stack: Stack) -> None:
    told = stack.run(["python3", "-m", "doctor", "--env-file", str(stack.env_file)], check=False)

    assert told.returncode == 0, told.stdout
    assert "nothing is wrong" in told.stdout


@pytest.mark.timeout(600)
def test_the_doctor_says_what_is_broken_and_what_to_do(stack: Stack) -> None:
    stack.compose("stop", "--timeout", "20", "worker", "rabbitmq")
    try:
        told = stack.run(["python3", "-m", "doctor", "--env-file", str(stack.env_file)], check=False)
    finally:
        stack.compose("start", "rabbitmq", "worker")

    assert told.returncode == 1
    assert "rabbitmq" in told.stdout
    assert "worker" in told.stdout
    assert "docker compose" in told.stdout


def test_nothing_is_left_of_a_stack_that_was_taken_down(stack: Stack) -> None:
    stack.down("--volumes")

    for kind in ("container", "volume", "network"):
        options = ["--all"] if kind == "container" else []
        listed = stack.run(
            ["docker", kind, "ls", *options, "--quiet", "--filter", f"label=com.docker.compose.project={stack.project}"]
        )
        assert listed.stdout == "", kind
    assert shutil.which("docker")
    with pytest.raises((grpc.RpcError, OSError)), stack.cleartext_channel() as channel:
        jobs_pb2_grpc.JobServiceStub(channel).ListJobs(jobs_pb2.ListJobsRequest(), timeout=5)
