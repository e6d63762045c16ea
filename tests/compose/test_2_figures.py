"""Prometheus reads every service, and the dashboard and the alerts ask for what is really there."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.compose.stack import REPOSITORY, START_SECONDS, Stack, submission, submit, wait_until_finished
from tests.waiting import wait_until

DASHBOARD = REPOSITORY / "deploy" / "observability" / "dashboards" / "qserver.json"
ALERTS = REPOSITORY / "deploy" / "observability" / "alerts.yml"
JOBS = ("jobs_server", "rest_api", "worker", "rabbitmq", "prometheus")
ONLY_AFTER_FAULTS = ("qserver_refusals_total", 'outcome!="finished"', "qserver_dispatch_failures_total")
"""What has no sample, or none in the last minutes, where all is well."""


class Figures:
    """Prometheus inside of the stack, asked over its HTTP interface."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def ask(self, path: str) -> dict[str, list[dict[str, object]]]:
        """Give the data of an answer. Raises RuntimeError where the question is wrong."""
        url = f"http://127.0.0.1:9090/api/v1/{path}"
        answer = json.loads(self._stack.compose("exec", "-T", "prometheus", "wget", "-qO-", url))
        data: dict[str, list[dict[str, object]]] = answer["data"]
        return data

    def select(self, expression: str) -> list[dict[str, object]]:
        """Evaluate an expression of PromQL."""
        return self.ask(f"query?query={quote(expression)}")["result"]

    def healthy_jobs(self) -> list[str]:
        """Name each target that was read well, by its job."""
        return [
            str(each["scrapePool"])
            for each in self.ask("targets?state=active")["activeTargets"]
            if each["health"] == "up"
        ]


@pytest.fixture(scope="module")
def figures(stack: Stack) -> Iterator[Figures]:
    image = re.search(r"PROMETHEUS_IMAGE:-([^}]+)", (REPOSITORY / "compose.yml").read_text())
    assert image is not None
    if not can_be_had(stack, image[1]):
        pytest.skip(f"{image[1]} is neither here nor can it be pulled: figures are not tried")
    stack.compose("--profile", "observability", "up", "--detach", "--wait", "prometheus")
    try:
        yield Figures(stack)
    finally:
        stack.compose("--profile", "observability", "rm", "--stop", "--force", "--volumes", "prometheus")


def can_be_had(stack: Stack, image: str) -> bool:
    commands = (["docker", "image", "inspect", image], ["docker", "pull", "--quiet", image])
    return any(stack.run(command, check=False).returncode == 0 for command in commands)


@pytest.mark.timeout(600)
def test_every_service_and_each_replica_is_read(figures: Figures) -> None:
    wanted = sorted([*JOBS, "worker"])  # two replicas

    wait_until(
        lambda: sorted(figures.healthy_jobs()) == wanted,
        timeout_seconds=START_SECONDS,
        what="Prometheus reads all services",
    )


def dashboard_expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


@pytest.mark.timeout(600)
def test_each_panel_of_the_dashboard_has_something_to_show(stack: Stack, figures: Figures) -> None:
    rounds = iter(range(10_000))

    def is_shown() -> bool:
        job_ids = submit(stack, [submission(f"figures-{next(rounds)}-{number}") for number in range(5)])
        wait_until_finished(stack, job_ids)
        return not empty_panels(figures)

    try:
        wait_until(is_shown, timeout_seconds=START_SECONDS, what="every panel has data")
    except TimeoutError as error:
        error.add_note(f"empty: {empty_panels(figures)}")
        raise


def empty_panels(figures: Figures) -> list[str]:
    expected = (each for each in dashboard_expressions() if not any(name in each for name in ONLY_AFTER_FAULTS))
    return [each for each in expected if not has_numbers(figures.select(each))]


def has_numbers(series: list[dict[str, object]]) -> bool:
    values = [str(each["value"][1]) for each in series]  # type: ignore[index]
    return any(value != "NaN" for value in values)


@pytest.mark.timeout(600)
def test_what_is_only_there_after_faults_is_well_formed(figures: Figures) -> None:
    for expression in dashboard_expressions():
        figures.select(expression)


@pytest.mark.timeout(600)
def test_no_alert_fires_and_each_is_loaded(figures: Figures) -> None:
    written = re.findall(r"- alert: (\w+)", ALERTS.read_text())

    firing = figures.select('ALERTS{alertstate="firing"}')
    (group,) = figures.ask("rules")["groups"]

    assert firing == []
    assert [rule["name"] for rule in group["rules"]] == written  # type: ignore[attr-defined]
