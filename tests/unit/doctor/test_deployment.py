"""What the doctor finds in a deployment by docker compose."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from doctor.deployed import look_at_containers, look_at_database_disk, look_at_jobs, published_ports
from doctor.docker import Compose, Container
from doctor.findings import Look


def faults(look: Look) -> str:
    return "; ".join(finding.fault for finding in look.findings)


def a_container(**changes: object) -> Container:
    values: dict[str, object] = {
        "service": "worker",
        "name": "qserver-worker-1",
        "state": "running",
        "health": "healthy",
        "exit_code": 0,
        "restarts": 0,
        "was_short_of_memory": False,
        "ports": (),
    }
    return Container(**{**values, **changes})  # type: ignore[arg-type]


class SilentCompose(Compose):
    """A compose whose services have logged one line."""

    def last_words(self, service: str) -> str:
        return f"{service} said why"


@pytest.mark.parametrize(
    ("container", "sentence"),
    [
        (a_container(), ""),
        (a_container(health="unhealthy"), "qserver-worker-1 is not healthy: worker said why"),
        (a_container(state="exited", exit_code=1, health=""), "is exited (status 1): worker said why"),
        (a_container(was_short_of_memory=True), "ran out of memory"),
        (a_container(restarts=3), "was started anew 3 times"),
        (a_container(service="migrate", state="exited", health=""), ""),
        (a_container(service="migrate", state="exited", health="", exit_code=1), "migrate failed: migrate said why"),
    ],
)
def test_each_way_to_be_broken_has_its_sentence(tmp_path: Path, container: Container, sentence: str) -> None:
    look = look_at_containers([container], [container.service], SilentCompose(tmp_path, tmp_path / ".env"))

    assert sentence in faults(look)
    assert bool(sentence) is bool(look.findings)


@dataclass(frozen=True)
class FullCompose(Compose):
    """A compose that answers what it was told to, whatever it is asked."""

    answer: str = ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(arguments, 0, self.answer, "")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            "Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 307200 307200 0 100% /data\n",
            "disk is full",
        ),
        ("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 99999999 1 99999998 1% /data\n", ""),
        ("", "doesn't say how much room it has"),
    ],
)
def test_a_disk_of_the_database_s_own_is_looked_at(tmp_path: Path, answer: str, sentence: str) -> None:
    look = look_at_database_disk(FullCompose(tmp_path, tmp_path / ".env", answer))

    assert sentence in faults(look)
    assert bool(sentence) is bool(look.findings)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("0|0\n", ""),
        ("1|25\n", "1 job has waited for more than 10 minutes, the oldest for 25 minutes"),
        ("1200|61\n", "1200 jobs have waited for more than 10 minutes, the oldest for 61 minutes"),
    ],
)
def test_jobs_that_wait_for_long_are_counted(tmp_path: Path, answer: str, sentence: str) -> None:
    assert faults(look_at_jobs(FullCompose(tmp_path, tmp_path / ".env", answer))) == sentence


@pytest.mark.parametrize(
    ("answer", "name"),
    [('{"configs": {"rabbit": {"name": "lab_rabbit"}}, "name": "lab"}', "lab"), ("", ""), ("{}", "")],
)
def test_the_project_s_name_is_its_own_and_not_that_of_a_part(tmp_path: Path, answer: str, name: str) -> None:
    assert FullCompose(tmp_path, tmp_path / ".env", answer).project() == name


def test_a_container_that_could_not_start_holds_no_port() -> None:
    proxies = [a_container(state="created", ports=(8080, 443)), a_container(ports=(5443,))]

    assert published_ports(proxies) == [5443]


def test_a_sentence_of_a_log_comes_without_what_compose_writes_for_terminals(tmp_path: Path) -> None:
    compose = FullCompose(tmp_path, tmp_path / ".env", "\x1b[2Kthe first\n\x1b[2Kthe key doesn't fit\n")

    assert compose.last_words("proxy") == "the key doesn't fit"


def test_what_was_never_started_is_started_by_compose(tmp_path: Path) -> None:
    look = look_at_containers([], ["worker"], SilentCompose(tmp_path, tmp_path / ".env"))

    assert look.findings[0].remedy == "docker compose up -d"
