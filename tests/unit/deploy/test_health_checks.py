"""What container engines ask, answered by real servers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.servers.ports import free_port


def check(module: str, variable: str, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"{module}.healthcheck"],
        env={**os.environ, variable: str(port)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Answers(BaseHTTPRequestHandler):
    """A rest_api that lives on one path."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/v1/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http_port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_rest_api_that_answers_is_healthy(http_port: int) -> None:
    assert check("rest_api", "QSERVER_HTTP_PORT", http_port).returncode == 0


@pytest.mark.parametrize(("serving", "status"), [(True, 0), (False, 1)])
def test_a_jobs_server_is_healthy_while_it_says_that_it_lives(serving: bool, status: int) -> None:  # noqa: FBT001
    servicer = health.HealthServicer()
    states = health_pb2.HealthCheckResponse
    servicer.set("liveness", states.SERVING if serving else states.NOT_SERVING)
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()

        answer = check("jobs_server", "QSERVER_GRPC_PORT", port)

        server.stop(None).wait()
    assert answer.returncode == status


@pytest.mark.parametrize(
    ("module", "variable"), [("rest_api", "QSERVER_HTTP_PORT"), ("jobs_server", "QSERVER_GRPC_PORT")]
)
def test_a_service_that_is_not_there_is_not_healthy_and_why_is_told(module: str, variable: str) -> None:
    answer = check(module, variable, free_port())

    assert answer.returncode == 1
    assert "no answer" in answer.stdout
