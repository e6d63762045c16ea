"""Containers die one after another under load. Every job that was accepted finishes, each once."""

import pytest

from tests.compose.load import Load
from tests.compose.stack import SERVICES, START_SECONDS, Stack, look, wait_until_finished
from tests.waiting import wait_until


@pytest.mark.timeout(1800)
def test_no_accepted_job_is_lost_and_none_runs_to_two_results(stack: Stack) -> None:
    before = stack.number_of("jobs")
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
    assert stack.number_of("jobs") - before == len(load.wanted)
    assert stack.number_of("results") == stack.number_of("jobs")
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
