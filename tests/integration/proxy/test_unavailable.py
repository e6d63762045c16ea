"""A service that is away: its clients are told in their own words, and nobody restarts the proxy when it is back."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest

from tests.integration.proxy.calls import health, refused, unary
from tests.integration.proxy.conftest import StartProxy
from tests.integration.proxy.echoes import ask_grpc_echo, grpc_echo, http_echo
from tests.integration.proxy.nameserver import NameServer
from tests.servers.ports import free_port
from tests.servers.proxy import Proxy, find_nginx
from tests.waiting import wait_until

OLDER_NGINX = """#!/bin/sh
[ "$1" != -v ] || {{ echo "nginx version: nginx/1.26.3" >&2; exit; }}
exec {nginx} "$@"
"""


def test_without_the_results_api_browsers_get_a_problem_document(start_proxy: StartProxy) -> None:
    answer = httpx.get(f"{start_proxy().http_url}/api/v1/jobs")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["retry-after"] == "2"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the results API does not answer; it may be starting: try again soon",
        "reason": "UNAVAILABLE",
        "msg": "the results API does not answer; it may be starting: try again soon",
    }


def test_without_the_jobs_server_grpc_clients_get_a_status(start_proxy: StartProxy) -> None:
    with grpc.insecure_channel(start_proxy().grpc_address) as channel, refused() as refusals:
        health(channel)

    assert refusals[0].code is grpc.StatusCode.UNAVAILABLE
    assert refusals[0].sentence == "the jobs server does not answer; it may be starting: try again soon"
    assert refusals[0].reason == "UNAVAILABLE"


def test_the_health_check_of_the_proxy_needs_nobody_else(start_proxy: StartProxy) -> None:
    assert httpx.get(f"{start_proxy().http_url}/healthcheck/").text == "All Working"


def test_services_that_come_up_later_are_found(start_proxy: StartProxy) -> None:
    http_port, grpc_port = free_port(), free_port()
    proxy = start_proxy(QSERVER_HTTP_UPSTREAM=f"127.0.0.1:{http_port}", QSERVER_GRPC_UPSTREAM=f"127.0.0.1:{grpc_port}")
    assert httpx.get(f"{proxy.http_url}/api/v1/jobs").status_code == 503

    with http_echo(http_port), grpc_echo(grpc_port):
        assert httpx.get(f"{proxy.http_url}/api/v1/jobs").status_code == 200
        assert ask_grpc_echo(proxy.grpc_address)["name"] == "echo"


def test_a_service_that_was_restarted_is_found_again(start_proxy: StartProxy) -> None:
    port = free_port()
    proxy = start_proxy(QSERVER_GRPC_UPSTREAM=f"127.0.0.1:{port}")
    for name in ("first", "second"):
        with grpc_echo(port, name):
            assert ask_grpc_echo(proxy.grpc_address)["name"] == name


@pytest.fixture(params=["current", "older"])
def nginx(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """nginx, and one that says that it is of before 1.27.3: it gets a configuration without groups of servers."""
    if request.param == "current":
        return find_nginx()
    older = tmp_path / "nginx"
    older.write_text(OLDER_NGINX.format(nginx=find_nginx()))
    older.chmod(0o755)
    return older


def test_a_service_whose_name_appears_later_and_moves_is_found(start_proxy: StartProxy, nginx: Path) -> None:
    port = free_port()
    with NameServer() as names:
        proxy = start_proxy(
            QSERVER_PROXY_NGINX=str(nginx),
            QSERVER_PROXY_RESOLVER=names.place,
            QSERVER_HTTP_UPSTREAM=f"rest-api:{port}",
            QSERVER_GRPC_UPSTREAM=f"jobs-server:{port}",
        )
        assert httpx.get(f"{proxy.http_url}/api/v1/jobs").status_code == 503
        with http_echo(port):
            names.address = "127.0.0.1"
            wait_until(lambda: _answers(proxy), what="the name that appeared is found")
            names.address = "127.0.0.9"  # nobody listens there
            wait_until(lambda: not _answers(proxy), what="the old address is forgotten")


def _answers(proxy: Proxy) -> bool:
    return httpx.get(f"{proxy.http_url}/api/v1/jobs").status_code == 200


def test_many_calls_at_once_are_answered(start_proxy: StartProxy, nginx: Path) -> None:
    port = free_port()
    proxy = start_proxy(QSERVER_PROXY_NGINX=str(nginx), QSERVER_GRPC_UPSTREAM=f"127.0.0.1:{port}")
    with grpc_echo(port), grpc.insecure_channel(proxy.grpc_address) as channel, ThreadPoolExecutor(8) as threads:
        call = unary(channel, "/any/path")
        answers = list(threads.map(lambda _: json.loads(call(b"", timeout=30)), range(200)))

    assert [answer["name"] for answer in answers] == ["echo"] * 200
