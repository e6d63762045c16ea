"""Who asks, as the services learn it: the address that the proxy saw, never what the sender claims."""

from collections.abc import Iterator

import grpc
import httpx
import pytest

from tests.acceptance.deployment import Deployment
from tests.integration.proxy.calls import BELL, submit
from tests.integration.proxy.conftest import StartProxy
from tests.integration.proxy.echoes import ask_grpc_echo, grpc_echo, http_echo
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Real-IP": "203.0.113.7",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-User": "root",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-URL": "/metrics",
    "X-Rewrite-URL": "/metrics",
    "X-Client-IP": "203.0.113.7",
    "True-Client-IP": "203.0.113.7",
    "Forwarded": "for=203.0.113.7",
}


@pytest.fixture
def echoing(start_proxy: StartProxy) -> Iterator[Proxy]:
    http_port, grpc_port = free_port(), free_port()
    with http_echo(http_port), grpc_echo(grpc_port):
        yield start_proxy(
            QSERVER_HTTP_UPSTREAM=f"127.0.0.1:{http_port}", QSERVER_GRPC_UPSTREAM=f"127.0.0.1:{grpc_port}"
        )


def test_the_results_api_learns_the_clients_address(echoing: Proxy) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as client:
        seen = client.get(f"{echoing.http_url}/api/v1/jobs").json()

    assert (seen["x-real-ip"], seen["x-forwarded-for"]) == ("127.0.0.2", "127.0.0.2")


def test_forged_headers_are_replaced_for_the_results_api(echoing: Proxy) -> None:
    seen = httpx.get(f"{echoing.http_url}/api/v1/jobs", headers=FORGED).json()

    host = f"127.0.0.1:{echoing.http_port}"
    about_the_sender = {name.lower(): seen[name.lower()] for name in FORGED if name.lower() in seen}
    assert about_the_sender == {
        "x-forwarded-for": "127.0.0.1",
        "x-real-ip": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": host,
    }
    assert seen["host"] == host


@pytest.mark.parametrize(
    "forged",
    [
        [("X_Real_IP", "203.0.113.7"), ("X_Forwarded_For", "203.0.113.7")],
        [("X-Real-IP", "203.0.113.7"), ("X-Real-IP", "203.0.113.8"), ("x-forwarded-for", "203.0.113.9")],
        [("Connection", "close, X-Real-IP, X-Forwarded-For")],
    ],
    ids=["with underscores", "several times", "named as the connection's own"],
)
def test_no_spelling_changes_the_address(echoing: Proxy, forged: list[tuple[str, str]]) -> None:
    seen = httpx.get(f"{echoing.http_url}/api/v1/jobs", headers=forged).json()

    assert (seen["x-real-ip"], seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "127.0.0.1", "http")
    assert "203.0.113" not in str(seen)


def test_forged_metadata_is_replaced_for_the_jobs_server(echoing: Proxy) -> None:
    forged = tuple((name.lower(), value) for name, value in FORGED.items())

    seen = ask_grpc_echo(echoing.grpc_address, forged)

    assert (seen["x-real-ip"], seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "127.0.0.1", "http")
    assert "203.0.113.7" not in str(seen)
    assert "evil.example" not in str(seen)


def test_the_results_api_learns_that_tls_was_spoken(echoing: Proxy) -> None:
    with echoing.client() as client:
        seen = client.get("/api/v1/jobs").json()

    assert (seen["x-forwarded-proto"], seen["host"]) == ("https", f"localhost:{echoing.https_port}")


def test_keys_and_cookies_come_through(echoing: Proxy) -> None:
    headers = {"Authorization": "Bearer a-key", "X-Request-Id": "7"}

    seen = httpx.get(f"{echoing.http_url}/api/v1/jobs", headers=headers).json()
    seen_by_grpc = ask_grpc_echo(echoing.grpc_address, (("authorization", "Bearer a-key"),))

    assert (seen["authorization"], seen["x-request-id"]) == ("Bearer a-key", "7")
    assert seen_by_grpc["authorization"] == "Bearer a-key"


@pytest.mark.parametrize("door", ["grpc", "http"])
def test_a_job_is_stored_with_the_address_that_the_proxy_saw(
    postgres_server: PostgresServer, proxy: Proxy, door: str, services: Deployment
) -> None:
    if door == "grpc":
        with grpc.insecure_channel(proxy.grpc_address) as channel:
            job_id = submit(channel)
    else:
        body = {"backend": "aer", "circuit": BELL.decode(), "result_types": ["counts"]}
        with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), timeout=60) as client:
            job_id = client.post(f"{proxy.http_url}/api/v1/jobs", json=body).json()["id"]

    with postgres_server.connect(services.database_name) as connection:
        row = connection.execute("SELECT address FROM job_events WHERE job_id = %s", [job_id]).fetchone()
    assert row == ({"grpc": "127.0.0.1", "http": "127.0.0.2"}[door],)
