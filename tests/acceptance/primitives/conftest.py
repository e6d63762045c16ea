"""One standalone server for all tests of Qiskit's side."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from qserver.qiskit import QServerBackend, QServerProvider
from tests.acceptance.deployment import REPOSITORY
from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

START_SECONDS = 60


@pytest.fixture(scope="package")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `python -m standalone up`, on ports and a folder of its own."""
    folder = tmp_path_factory.mktemp("standalone")
    http_port = free_port()
    ports = ["--grpc-port", str(free_port()), "--http-port", str(http_port)]
    process = OwnedProcess(
        [sys.executable, "-m", "standalone", "up", *ports, "--data", str(folder / "data")],
        environment=_environment(),
        user=None,
        folder=folder,
        log_path=folder / "standalone.log",
    )
    try:
        url = f"http://127.0.0.1:{http_port}"
        wait_until(lambda: _answers(process, url, folder), timeout_seconds=START_SECONDS, what="standalone answers")
        yield url
    finally:
        process.kill()


@pytest.fixture(scope="package")
def provider(server_url: str) -> Iterator[QServerProvider]:
    """The server, as Qiskit sees it."""
    opened = QServerProvider(server_url)
    yield opened
    opened.transport.close()


@pytest.fixture
def backend(provider: QServerProvider) -> QServerBackend:
    """The backend that chooses a method by the circuit, without options of its own."""
    return provider.get_backend("aer")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(REPOSITORY)}


def _answers(process: OwnedProcess, url: str, folder: Path) -> bool:
    assert process.is_alive, (folder / "standalone.log").read_text(errors="replace")
    try:
        return httpx.get(f"{url}/api/v1/health/ready", timeout=2).is_success
    except httpx.TransportError:
        return False
