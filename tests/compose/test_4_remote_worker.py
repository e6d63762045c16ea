"""A worker on another machine, which comes in by the box's one port for workers, and whose link breaks."""

import random
from collections.abc import Iterator

import pytest

from qserver.rpc.v1 import jobs_pb2
from tests.compose.remote_worker import RemoteWorker
from tests.compose.stack import START_SECONDS, Stack, statuses, submission, submit, wait_until_finished
from tests.waiting import wait_until

JOBS = 60


@pytest.fixture(scope="module")
def open_stack(stack: Stack) -> Stack:
    """The stack with its endpoint for workers, opened as the howto says."""
    stack.run(["certs/private-ca.sh", "worker-endpoint"])
    stack.run(["scripts/make-env.sh"], WORKER_ENDPOINT="on")
    stack.up()
    return stack


@pytest.fixture
def box_without_workers(open_stack: Stack) -> Iterator[Stack]:
    """The same, with no worker of its own until it is started."""
    open_stack.compose("stop", "--timeout", "20", "worker")
    try:
        yield open_stack
    finally:
        open_stack.compose("start", "worker")
        wait_until(open_stack.is_healthy, timeout_seconds=START_SECONDS, what="the workers of the box are back")


def heavy_circuit(number: int) -> bytes:
    """Give a circuit that takes a simulator a good part of a second: 20 qubits, nothing of it Clifford."""
    chosen = random.Random(number)  # noqa: S311 - angles
    layers = "".join(
        "".join(f"rx({chosen.uniform(0.1, 3):.6f}) q[{qubit}];" for qubit in range(20))
        + "".join(f"cx q[{qubit}],q[{qubit + 1}];" for qubit in range(19))
        for _ in range(4)
    )
    return f'OPENQASM 2.0; include "qelib1.inc"; qreg q[20]; creg c[20]; {layers} measure q -> c;'.encode()


def heavy_jobs(name: str, count: int) -> list[jobs_pb2.JobSubmission]:
    return [submission(f"{name}-{number}", heavy_circuit(number)) for number in range(count)]


def finished(stack: Stack, job_ids: list[str]) -> int:
    with stack.tls_channel() as channel:
        return statuses(channel, job_ids).count("JOB_STATUS_FINISHED")


@pytest.mark.timeout(1200)
def test_a_worker_elsewhere_loses_its_link_under_load_and_no_job_is_lost(box_without_workers: Stack) -> None:
    stack = box_without_workers
    with RemoteWorker(stack) as worker:
        first = submit(stack, heavy_jobs("far", JOBS))
        wait_until(lambda: finished(stack, first) > 0, timeout_seconds=START_SECONDS, what="a job has run elsewhere")
        worker.cut_link()
        done_before = finished(stack, first)
        stack.compose("start", "worker")
        wait_until_finished(stack, first)
        worker.mend_link()
        stack.compose("stop", "--timeout", "20", "worker")
        second = submit(stack, heavy_jobs("far-again", 10))
        wait_until_finished(stack, second)

    assert done_before < JOBS
    assert stack.number_of("results") == stack.number_of("jobs")
