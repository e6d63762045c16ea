"""What the doctor finds in a box, a file of secrets, and what services answer."""

import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from doctor import box, program
from doctor.alone import look_at_standalone
from doctor.deployed import ports_wanted
from doctor.env_file import look_at_env, read_env
from doctor.findings import Finding, Look
from doctor.service import look_at_certificate, look_at_end, look_at_readiness, look_at_workers
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[3]


def faults(look: Look) -> str:
    return "; ".join(finding.fault for finding in look.findings)


def test_secrets_made_by_make_env_are_well(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    subprocess.run([ROOT / "scripts" / "make-env.sh"], env={"ENV_FILE": str(file), "PATH": "/usr/bin:/bin"}, check=True)

    assert look_at_env(file).findings == ()


def test_a_file_that_others_may_read_or_that_is_weak_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("DB_ROOT_USER=owner\nDB_USERNAME=qserver\nRABBITMQ_USER=qserver\nDB_ROOT_PASSWORD=short\n")
    file.chmod(0o644)

    found = faults(look_at_env(file))

    assert "others may read" in found
    assert "DB_ROOT_PASSWORD" in found
    assert stat.S_IMODE(file.stat().st_mode) == 0o644  # looked at, not touched


def test_a_missing_file_of_secrets_is_made_by_make_env(tmp_path: Path) -> None:
    (finding,) = look_at_env(tmp_path / ".env").findings

    assert finding.remedy == "make env"


def test_values_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# no=thing\nA=1\nexport B='two words'\n\nC=\"3\"\nA=4\n")

    assert read_env(tmp_path / ".env") == {"A": "4", "B": "two words", "C": "3"}


def test_a_port_of_somebody_else_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        others = box.look_at_ports({"HTTP_PORT": port}, ours=[])
        own = box.look_at_ports({"HTTP_PORT": port}, ours=[port])

    assert f"HTTP_PORT={port}" in faults(others)
    assert own.findings == ()


def test_ports_are_those_of_the_services_that_are_deployed() -> None:
    values = {"HTTP_PORT": "127.0.0.1:8088", "WORKER_PORT": "6443"}

    assert ports_wanted(values, ["proxy", "worker"]) == {"HTTP_PORT": 8088, "HTTPS_PORT": 443}
    assert ports_wanted(values, ["proxy", "broker-accounts", "grafana"]) == {
        "HTTP_PORT": 8088,
        "HTTPS_PORT": 443,
        "WORKER_PORT": 6443,
        "GRAFANA_PORT": 3000,
    }


@pytest.mark.parametrize(
    ("other", "is_found"), [("172.18.0.0/16", True), ("172.19.0.0/16", False), ("fd00::/8", False)]
)
def test_addresses_of_another_network_are_named(other: str, is_found: bool) -> None:  # noqa: FBT001 - a column
    look = box.look_at_subnets({"SUBNET": "172.18.0.0/27"}, {"other_default": other})

    assert bool(look.findings) is is_found


def test_a_box_that_is_given_away_twice_is_a_warning() -> None:
    (finding,) = box.look_at_division({"WORKER_REPLICAS": "1000", "WORKER_CPUS": "8"}).findings

    assert finding.is_warning


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "_LEAST_FREE_BYTES", 2**60)

    look = box.look_at_disk(tmp_path / "not" / "yet", what="data", remedy="free some")

    assert "the disk is full" in faults(look)


@pytest.mark.parametrize(
    ("days_left", "sentence", "is_warning"),
    [(-1, "was valid until", False), (13, "is valid until", True), (15, "", None)],
)
def test_a_certificate_that_ends_is_told_in_time(days_left: float, sentence: str, *, is_warning: bool | None) -> None:
    look = look_at_end("Nov 26 12:00:00 2026 GMT", days_left=days_left)

    assert sentence in faults(look)
    assert [finding.is_warning for finding in look.findings] == ([] if is_warning is None else [is_warning])


def test_a_certificate_that_openssl_cannot_read_is_no_fault_of_the_doctor_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doctor.service._served_certificate", lambda _port: "no certificate")

    look = look_at_certificate(443)

    assert "its end is not known" in look.seen
    assert look.findings == ()


class Answers(BaseHTTPRequestHandler):
    """A rest_api that misses its broker and has the workers that a test names."""

    workers = b"[]"

    def do_GET(self) -> None:
        neighbours = b'[{"name": "broker", "is_ready": false, "message": "it is away"}]'
        ready = b'{"status": "degraded", "neighbours": ' + neighbours + b"}"
        body = ready if "ready" in self.path else self.workers
        is_known = self.headers.get("Authorization", "Bearer good") == "Bearer good"
        self.send_response(200 if is_known else 401)
        body = body if is_known else b'{"detail": "the key is not known here"}'
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_neighbours_that_are_away_and_missing_workers_are_told(answering_port: int) -> None:
    ready = look_at_readiness(answering_port, remedy="look")
    workers = look_at_workers(answering_port, remedy="start one")

    assert faults(ready) == "broker doesn't answer: it is away"
    assert faults(workers) == "no worker lives: submitted jobs wait"


def test_a_key_that_is_not_good_is_told(answering_port: int) -> None:
    good = look_at_workers(answering_port, key="good", remedy="start one")
    wrong = look_at_workers(answering_port, key="other", remedy="start one")

    assert faults(good) == "no worker lives: submitted jobs wait"
    assert faults(wrong) == "workers can't be listed: the key is not known here"
    assert "QSERVER_ADMIN_KEY" in wrong.findings[0].remedy


def test_a_worker_that_can_not_simulate_is_told(answering_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Answers,
        "workers",
        b'[{"name": "ada", "is_live": true, "routes": []}, {"name": "bob", "is_live": true, "routes": ["cpu"]}]',
    )

    workers = look_at_workers(answering_port, remedy="look")

    assert faults(workers).startswith("ada can't simulate and takes no jobs: its log says why")


def test_a_port_that_nobody_has_is_no_service() -> None:
    assert "nothing that is QServer answers" in faults(look_at_readiness(free_port(), remedy="start it"))


def test_standalone_that_was_never_started_is_told(tmp_path: Path) -> None:
    looks = list(look_at_standalone(grpc_port=free_port(), http_port=free_port(), data_folder=tmp_path / "none"))

    assert [look.findings[0].remedy for look in looks if look.findings] == ["make up", "make up"]


def test_standalone_tells_of_each_port(tmp_path: Path, answering_port: int) -> None:
    looks = list(look_at_standalone(grpc_port=free_port(), http_port=answering_port, data_folder=tmp_path))

    assert [look.name for look in looks if look.findings] == ["service", "workers", "gRPC"]


def test_warnings_alone_are_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    warning = Finding("soon", "do it", is_warning=True)

    assert program.tell([Look("disk", "seen", (warning,))]) == 0
    assert program.tell([Look("disk", "seen", (Finding("now", "do it"),))]) == 1
    assert "nothing is wrong" in capsys.readouterr().out


def test_the_command_is_also_standalone_s() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "standalone", "doctor", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert "--env-file" in told.stdout
