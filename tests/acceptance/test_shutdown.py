"""SIGTERM drains: nothing accepted is lost, what runs ends within the grace or waits again. A second one hurries."""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import grpc
import httpx
import psycopg
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import Deployment
from tests.servers.postgres import PostgresServer
from tests.waiting import wait_until

FINISH_SECONDS = 120
STOP_SECONDS = 60
BELL_PAIR = b'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
_TANGLE = "".join(f"rx(0.{step + 1}) q[{step % 24}];cx q[{step % 24}],q[{(step + 1) % 24}];" for step in range(4000))
NEVER_ENDING = f'OPENQASM 2.0;include "qelib1.inc";qreg q[24];creg c[24];{_TANGLE}measure q->c;'.encode()
"""Simulates for minutes: nothing here waits for its end."""


def submission(source: bytes) -> jobs_pb2.JobSubmission:
    spec = jobs_pb2.JobSpec(
        backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=100, request_id=str(uuid4())
    )
    return jobs_pb2.JobSubmission(spec=spec, source=source)


def submit(deployment: Deployment, *sources: bytes) -> list[str]:
    request = jobs_pb2.SubmitJobsRequest(submissions=[submission(source) for source in sources])
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        answers = jobs_pb2_grpc.JobServiceStub(channel).SubmitJobs(request, timeout=60).answers
    assert [answer.error.message for answer in answers if answer.HasField("error")] == []
    return [answer.job.id for answer in answers]


@pytest.fixture
def database(postgres_database_url: str, postgres_server: PostgresServer) -> Iterator[psycopg.Connection]:
    """The database that each test's services share with it."""
    with closing(postgres_server.connect(postgres_database_url.rpartition("/")[2])) as connection:
        yield connection


def states(database: psycopg.Connection) -> list[tuple[str, int, int]]:
    """Give each job's status, attempts, and attempts that it may still lose."""
    rows = database.execute("SELECT status, attempt, max_attempts - attempt FROM jobs ORDER BY pointer")
    return [(status, attempt, left) for status, attempt, left in rows]


def has(database: psycopg.Connection, status: str, number: int) -> bool:
    return [state[0] for state in states(database)].count(status) >= number


@pytest.fixture
def impatient(postgres_database_url: str, rabbitmq_url: str) -> Iterator[Deployment]:
    """Services whose worker gives running jobs a second to end; not started yet."""
    with closing(Deployment(postgres_database_url, rabbitmq_url, workers=1, QSERVER_WORKER_DRAIN_SECONDS="1")) as made:
        yield made


@pytest.fixture
def patient(postgres_database_url: str, rabbitmq_url: str) -> Iterator[Deployment]:
    """Services whose worker would wait an hour for running jobs; not started yet."""
    with closing(
        Deployment(postgres_database_url, rabbitmq_url, workers=1, QSERVER_WORKER_DRAIN_SECONDS="3600")
    ) as made:
        yield made


@pytest.mark.timeout(300)
def test_jobs_that_do_not_end_within_the_grace_wait_again_and_lose_no_attempt(
    impatient: Deployment, database: psycopg.Connection
) -> None:
    impatient.start()
    submit(impatient, NEVER_ENDING)
    wait_until(lambda: has(database, "running", 1), timeout_seconds=FINISH_SECONDS, what="the job runs")

    impatient.stop()

    assert states(database) == [("pending", 1, 3)]
    assert impatient.faults_in_logs() == []


@pytest.mark.timeout(300)
def test_a_second_signal_gives_back_at_once_what_runs(patient: Deployment, database: psycopg.Connection) -> None:
    patient.start()
    submit(patient, NEVER_ENDING)
    wait_until(lambda: has(database, "running", 1), timeout_seconds=FINISH_SECONDS, what="the job runs")
    patient.signal_service("worker-0", signal.SIGTERM)
    wait_until(
        lambda: "worker_draining" in patient.log("worker-0"), timeout_seconds=STOP_SECONDS, what="the worker drains"
    )
    waited_for = states(database)

    patient.stop()  # the second SIGTERM

    assert waited_for == [("running", 1, 2)]
    assert states(database) == [("pending", 1, 3)]
    assert patient.faults_in_logs() == []


@pytest.mark.timeout(300)
def test_everything_stopped_under_load_keeps_every_accepted_job_and_goes_on_when_it_is_back(
    own_deployment: Deployment, database: psycopg.Connection
) -> None:
    own_deployment.start()
    accepted: list[str] = []
    stopping = threading.Event()
    submitter = threading.Thread(target=_submit_until_refused, args=(own_deployment, accepted, stopping))
    submitter.start()
    try:
        wait_until(lambda: has(database, "finished", 20), timeout_seconds=FINISH_SECONDS, what="jobs flow")
        own_deployment.stop()
    finally:
        stopping.set()
        submitter.join()

    assert {status for status, _, _ in states(database)} <= {"pending", "finished"}
    stored = {str(job_id) for (job_id,) in database.execute("SELECT id FROM jobs")}
    assert set(accepted) <= stored
    own_deployment.start()
    wait_until(
        lambda: has(database, "finished", len(stored)), timeout_seconds=FINISH_SECONDS, what="all jobs have finished"
    )
    own_deployment.stop()
    assert own_deployment.faults_in_logs() == []


def _submit_until_refused(deployment: Deployment, accepted: list[str], stopping: threading.Event) -> None:
    """Note what was answered. A call that is under way when the server ends is answered or fails, never half."""
    while not stopping.is_set():
        try:
            accepted += submit(deployment, *[BELL_PAIR] * 10)
        except grpc.RpcError:
            return


@pytest.mark.timeout(300)
def test_open_event_streams_end_when_the_service_is_told_to(
    own_deployment: Deployment, database: psycopg.Connection
) -> None:
    own_deployment.start()
    (job_id,) = submit(own_deployment, NEVER_ENDING)
    wait_until(lambda: has(database, "running", 1), timeout_seconds=FINISH_SECONDS, what="the job runs")
    with (
        httpx.Client(base_url=own_deployment.http_url, timeout=STOP_SECONDS) as client,
        client.stream("GET", f"/api/v1/job/{job_id}/events") as stream,
    ):
        lines = stream.iter_lines()
        first = next(lines)

        own_deployment.signal_service("rest_api", signal.SIGTERM)

        assert first
        assert list(lines)[-1:] != ["event: finished"]  # read to its end, which the service made and not the job
    wait_until(lambda: not own_deployment.is_alive("rest_api"), timeout_seconds=STOP_SECONDS, what="rest_api has ended")
