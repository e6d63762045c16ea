"""Containers die one after another under load. Every job that was accepted finishes, each once."""

import threading
from uuid import uuid4

import grpc
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.compose.stack import SERVICES, START_SECONDS, Stack, look, submission, wait_until_finished
from tests.waiting import wait_until

BATCH = 5
PAUSE_SECONDS = 0.5


class Load:
    """Submits batches over TLS until it is stopped, and again what got no answer: each job has a request_id."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.wanted: set[str] = set()
        self.accepted: dict[str, str] = {}
        self.failed_calls = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            self.wanted |= {str(uuid4()) for _ in range(BATCH)}
            self.try_once()

    def try_once(self) -> bool:
        """Submit all that was not accepted yet; gives whether that left nothing."""
        missing = sorted(self.wanted - self.accepted.keys())[:500]
        if not missing:
            return True
        request = jobs_pb2.SubmitJobsRequest(submissions=[submission(request_id) for request_id in missing])
        try:
            with self._stack.tls_channel() as channel:
                answers = jobs_pb2_grpc.JobServiceStub(channel).SubmitJobs(request, timeout=30).answers
        except (grpc.RpcError, OSError):
            self.failed_calls += 1
            return False
        for request_id, answer in zip(missing, answers, strict=True):
            if answer.HasField("job"):
                self.accepted[request_id] = answer.job.id
        return self.wanted == self.accepted.keys()


@pytest.mark.timeout(1800)
def test_no_accepted_job_is_lost_and_none_runs_to_two_results(stack: Stack) -> None:
    before = number_of(stack, "jobs")
    load = Load(stack)
    load.start()
    try:
        for service in SERVICES:
            count = len(load.accepted)
            stack.crash(service)
            wait_until(stack.is_healthy, timeout_seconds=START_SECONDS, what=f"{service} is healthy again")
            wait_until(
                lambda count=count: len(load.accepted) > count,  # type: ignore[misc]
                timeout_seconds=START_SECONDS,
                what=f"jobs are accepted after the crash of {service}",
            )
    finally:
        load.stop()
    wait_until(load.try_once, timeout_seconds=START_SECONDS, what="everything is accepted")

    wait_until_finished(stack, list(load.accepted.values()))

    assert len(set(load.accepted.values())) == len(load.wanted)
    assert number_of(stack, "jobs") - before == len(load.wanted)
    assert number_of(stack, "results") == number_of(stack, "jobs")
    print(f"{len(load.wanted)} jobs accepted and finished, {load.failed_calls} calls failed meanwhile")  # noqa: T201


@pytest.mark.timeout(600)
def test_a_process_that_dies_in_its_container_is_started_again_by_docker(stack: Stack) -> None:
    code = (
        "import os, signal\n"
        "children = [int(p) for p in os.listdir('/proc') if p.isdigit() and"
        " open(f'/proc/{p}/stat').read().rpartition(')')[2].split()[1] == '1']\n"
        "os.kill(min(children), signal.SIGKILL)"
    )

    for service in ("jobs-server", "rest-api", "janitor"):
        stack.compose("exec", "-T", service, "python", "-c", code)

    def are_restarted() -> bool:
        containers = stack.containers()
        return all(
            look(containers[f"{service}-1"], "RestartCount") == 1 for service in ("jobs-server", "rest-api", "janitor")
        )

    wait_until(are_restarted, timeout_seconds=60, what="docker has started them again")
    wait_until(stack.is_healthy, timeout_seconds=START_SECONDS, what="all are healthy")


def number_of(stack: Stack, table: str) -> int:
    command = (
        f'psql --username "$POSTGRES_USER" --dbname qserver --tuples-only --command "SELECT count(*) FROM {table}"'  # noqa: S608
    )
    return int(stack.compose("exec", "-T", "postgres", "sh", "-c", command))
