"""Parts die at the worst moment; no accepted job is lost and none runs to two results."""

import grpc
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import Deployment
from tests.acceptance.mixed_circuits import mixed_cases
from tests.servers.rabbitmq import RabbitMQServer
from tests.waiting import wait_until

JOBS = 120
FINISH_SECONDS = 120


def _submit(deployment: Deployment, number: int) -> list[str]:
    submissions = [jobs_pb2.JobSubmission(spec=case.spec(), source=case.source) for case in mixed_cases(number)]
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        jobs = jobs_pb2_grpc.JobServiceStub(channel)
        answers = jobs.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=submissions), timeout=60).answers
    return [answer.job.id for answer in answers]


def _jobs(deployment: Deployment, job_ids: list[str]) -> list[jobs_pb2.Job]:
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        jobs = jobs_pb2_grpc.JobServiceStub(channel)
        return [jobs.GetJob(jobs_pb2.GetJobRequest(id=job_id), timeout=30).job for job_id in job_ids]


def _finished(deployment: Deployment, job_ids: list[str]) -> int:
    return sum(job.status == jobs_pb2.JOB_STATUS_FINISHED for job in _jobs(deployment, job_ids))


@pytest.mark.timeout(300)
def test_jobs_of_a_killed_worker_are_run_by_another(own_deployment: Deployment) -> None:
    own_deployment.start()
    job_ids = _submit(own_deployment, JOBS)
    wait_until(lambda: _finished(own_deployment, job_ids) > 0, timeout_seconds=60, what="the first job has finished")

    own_deployment.kill("worker-0")

    wait_until(
        lambda: _finished(own_deployment, job_ids) == JOBS,
        timeout_seconds=FINISH_SECONDS,
        what="all jobs have finished",
    )
    own_deployment.stop()
    assert own_deployment.faults_in_logs() == []


@pytest.mark.timeout(300)
def test_jobs_submitted_while_the_broker_is_down_run_when_it_is_back(
    own_deployment: Deployment, rabbitmq_server: RabbitMQServer
) -> None:
    own_deployment.start()
    rabbitmq_server.stop()
    try:
        job_ids = _submit(own_deployment, 20)
        before = _finished(own_deployment, job_ids)
    finally:
        rabbitmq_server.start()

    assert before == 0
    wait_until(
        lambda: _finished(own_deployment, job_ids) == len(job_ids),
        timeout_seconds=FINISH_SECONDS,
        what="all jobs have finished",
    )
    own_deployment.stop()
    assert own_deployment.faults_in_logs() == []


@pytest.mark.timeout(300)
def test_a_killed_jobs_server_and_dispatcher_go_on_where_they_were(own_deployment: Deployment) -> None:
    own_deployment.start()
    job_ids = _submit(own_deployment, JOBS)

    own_deployment.kill("jobs_server")
    own_deployment.start_service("jobs_server")
    wait_until(own_deployment.is_ready, timeout_seconds=60, what="jobs_server is back")

    wait_until(
        lambda: _finished(own_deployment, job_ids) == JOBS,
        timeout_seconds=FINISH_SECONDS,
        what="all jobs have finished",
    )
    own_deployment.stop()
    assert own_deployment.faults_in_logs() == []
