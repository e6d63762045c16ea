"""The disk of the database is full: submitters are told, what was accepted stays, all goes on when there is room."""

import re
from collections.abc import Iterator

import grpc
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.compose.stack import START_SECONDS, Stack, submission, wait_until_finished
from tests.waiting import wait_until

FOLDER = "/var/lib/postgresql/data"
BATCH = 50


@pytest.fixture
def small_stack() -> Iterator[Stack]:
    """A stack of its own, whose database has 300 MB."""
    deployed = Stack("tests/compose/small-disk.yml")
    try:
        deployed.build()
        deployed.up()
        yield deployed
    finally:
        deployed.close()


class Submitter:
    """Submits small jobs, and remembers what was accepted and what the last refusal said."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._calls = 0
        self.accepted: list[str] = []
        self.refusal = jobs_pb2.ErrorDetail()

    def is_accepted(self) -> bool:
        """Submit a batch; gives whether all of it was taken."""
        self._calls += 1
        wanted = [submission(f"full-{self._calls}-{number}") for number in range(BATCH)]
        with self._stack.tls_channel() as channel:
            call = jobs_pb2_grpc.JobServiceStub(channel).SubmitJobs
            answers = call(jobs_pb2.SubmitJobsRequest(submissions=wanted), timeout=60).answers
        self.accepted += [answer.job.id for answer in answers if answer.HasField("job")]
        refused = [answer.error for answer in answers if answer.HasField("error")]
        self.refusal = refused[0] if refused else self.refusal
        return not refused


@pytest.mark.timeout(900)
def test_a_full_disk_is_named_and_nothing_accepted_is_lost(small_stack: Stack) -> None:
    submitter = Submitter(small_stack)
    assert submitter.is_accepted()
    small_stack.compose("stop", "--timeout", "20", "worker")
    small_stack.compose("exec", "-T", "postgres", "sh", "-c", f"cat /dev/zero > {FOLDER}/filler || true")

    wait_until(lambda: not submitter.is_accepted(), timeout_seconds=START_SECONDS, what="submissions are refused")
    refusal = submitter.refusal
    logged = small_stack.compose("logs", "jobs-server")
    doctor = small_stack.run(["python3", "-m", "doctor", "--env-file", str(small_stack.env_file)], check=False)
    small_stack.compose("exec", "-T", "postgres", "rm", f"{FOLDER}/filler")
    wait_until(submitter.is_accepted, timeout_seconds=START_SECONDS, what="submissions are taken again")
    small_stack.compose("start", "worker")
    wait_until_finished(small_stack, submitter.accepted)

    assert refusal.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert "the database's disk is full" in refusal.message
    assert "No space left on device" in refusal.message
    assert "submissions_not_stored" in logged
    assert doctor.returncode == 1
    assert re.search(r"the disk is full: .* for Postgres", doctor.stdout), doctor.stdout
    assert small_stack.number_of("results") == small_stack.number_of("jobs") == len(submitter.accepted)
