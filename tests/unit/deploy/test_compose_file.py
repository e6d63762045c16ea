"""What compose.yml promises that no engine is needed to see."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from qserver.settings import variables

ROOT = Path(__file__).parents[3]
FILES = (
    "compose.yml",
    "dev-compose.yml",
    "compose.gpu.yml",
    "compose.worker.yml",
    "compose.worker.gpu.yml",
    "compose.worker-endpoint.yml",
)
PROMETHEUS = "deploy/observability/prometheus.yml"
SET_ELSEWHERE = {
    "QSERVER_DATABASE_TLS_CA",
    "QSERVER_DATABASE_TLS_CERTIFICATE",
    "QSERVER_DATABASE_TLS_KEY",
    "QSERVER_DATABASE_TLS_SERVER_NAME",
    "QSERVER_BROKER_TLS_CA",
    "QSERVER_BROKER_TLS_CERTIFICATE",
    "QSERVER_BROKER_TLS_KEY",
    "QSERVER_BROKER_TLS_SERVER_NAME",
    "QSERVER_WORKER_ROLE",
    "QSERVER_WORKER_ROLE_PASSWORD",
    "QSERVER_BROKER_DECLARES",
    "QSERVER_BROKER_MANAGEMENT_URL",
    "QSERVER_BROKER_WORKER_USER",
    "QSERVER_BROKER_WORKER_PASSWORD",
}
"""Settings of workers on other machines: compose.worker.yml and compose.worker-endpoint.yml."""
# Ports are compose's to choose inside its network, names the worker's own, and wheels are mounted by who has some.
NOT_FOR_COMPOSE = {"QSERVER_GRPC_PORT", "QSERVER_HTTP_PORT", "QSERVER_WORKER_NAME", "QSERVER_PLUGIN_WHEEL_FOLDER"}

PULSE_CHECK = re.compile(r"CMD-SHELL, '(.*)'\]")
PULSE_DEFAULTS = {"QSERVER_HEARTBEAT_SECONDS": ("5", 40), "QSERVER_JANITOR_INTERVAL_SECONDS": ("300", 1800)}
"""The interval between two beats, and how old the last may be, in seconds."""


def variables_in(*files: str) -> set[str]:
    text = "\n".join((ROOT / name).read_text() for name in files)
    return set(re.findall(r"\b([A-Z][A-Z0-9_]{2,})\b(?=:|\$|\}|:-|:\?)", text))


def test_every_setting_reaches_the_services() -> None:
    found = variables_in("compose.yml")
    as_files = {name for name in variables() if f"{name}_FILE" in found}

    assert set(variables()) - found - as_files - SET_ELSEWHERE - NOT_FOR_COMPOSE == set()


def test_no_environment_of_a_service_holds_a_password() -> None:
    text = "".join((ROOT / name).read_text() for name in ("compose.yml", "compose.worker-endpoint.yml"))

    assert re.findall(r"^ *(QSERVER_\w+PASSWORD|POSTGRES_PASSWORD):", text, flags=re.MULTILINE) == []


def test_every_secret_that_compose_hands_out_is_written_by_make_env(tmp_path: Path) -> None:
    text = "".join((ROOT / name).read_text() for name in ("compose.yml", "compose.worker-endpoint.yml"))
    handed_out = set(re.findall(r"\$\{SECRETS_FOLDER:-\./secrets\}/(\w+)", text))

    environment = {"PATH": os.defpath, "ENV_FILE": str(tmp_path / "env"), "WORKER_ENDPOINT": "on"}
    subprocess.run([ROOT / "scripts" / "make-env.sh"], env=environment, check=True, capture_output=True, timeout=60)

    assert {path.name for path in (tmp_path / "secrets").iterdir()} == handed_out
    assert handed_out == set(re.findall(r"/run/secrets/(\w+)", text))


def test_every_variable_that_a_compose_file_reads_is_documented() -> None:
    text = "\n".join((ROOT / name).read_text() for name in FILES)
    read = set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)", text))
    documented = set(re.findall(r"^# ([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read - documented - {"COMPOSE_PROJECT_NAME", "QSERVER_REVISION"} == set()


def test_versions_of_images_are_those_of_the_program() -> None:
    version = re.search(r'__version__ = "(.+)"', (ROOT / "qserver" / "__init__.py").read_text())

    assert version is not None
    assert set(re.findall(r"QSERVER_VERSION:-([^}]+)", (ROOT / "compose.yml").read_text())) == {version[1]}


def test_the_proxy_has_at_its_own_address_the_ports_that_it_publishes() -> None:
    text = (ROOT / "compose.yml").read_text()

    assert 'QSERVER_PROXY_HTTPS_PORT: "443"' in text
    assert {"${HTTP_PORT:-8080}:8080", "${HTTPS_PORT:-443}:443"} <= set(re.findall(r'"(.+)"', text))


def test_no_image_gets_more_of_the_repository_than_is_named() -> None:
    first, *rest = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]

    assert first == "*"
    assert not any(line.startswith("!") and (".env" in line or "certs" in line) for line in rest)


def test_workers_with_a_gpu_are_found_where_prometheus_looks_for_workers() -> None:
    looked_for = re.search(r"job_name: worker\n.*names: \[([a-z-]+)\]", (ROOT / PROMETHEUS).read_text())

    assert looked_for is not None
    assert f"aliases: [{looked_for[1]}]" in (ROOT / "compose.gpu.yml").read_text()


@pytest.mark.parametrize("variable", PULSE_DEFAULTS)
@pytest.mark.parametrize("factor", [1, 20])
def test_a_service_without_a_port_is_well_for_a_few_of_its_intervals(
    tmp_path: Path, variable: str, factor: int
) -> None:
    (written,) = [text for text in PULSE_CHECK.findall((ROOT / "compose.yml").read_text()) if variable in text]
    pulse = tmp_path / "pulse"
    command = written.replace("$$", "$").replace("/tmp/pulse", str(pulse))  # noqa: S108 - the container's
    default, patience_seconds = PULSE_DEFAULTS[variable]
    interval_seconds = float(default) * factor
    environment = {"PATH": os.defpath} | ({variable: str(interval_seconds)} if factor > 1 else {})

    def is_well(age_seconds: float) -> bool:
        pulse.touch()
        os.utime(pulse, (time.time() - age_seconds,) * 2)
        return subprocess.run(["sh", "-c", command], env=environment, check=False, timeout=30).returncode == 0

    assert is_well(2 * interval_seconds)
    assert not is_well(patience_seconds * factor + 60)
