"""The access log: a line of JSON for each request, and nothing secret in it."""

import grpc
import httpx

from tests.integration.proxy.calls import health, refused
from tests.integration.proxy.conftest import StartProxy
from tests.servers.proxy import Proxy
from tests.waiting import wait_until


def logged(proxy: Proxy, path: str) -> dict[str, object]:
    """Wait for the line of a path: nginx writes it after the answer."""
    wait_until(lambda: any(line["path"] == path for line in proxy.requests), what=f"{path} is logged")
    return next(dict(line) for line in proxy.requests if line["path"] == path)


def test_a_request_is_a_line_of_json(proxy: Proxy) -> None:
    httpx.get(f"{proxy.http_url}/api/v1/backend/aer", headers={"User-Agent": 'a "quoted" agent'})

    line = logged(proxy, "/api/v1/backend/aer")

    assert line["event"] == "request"
    assert line["service"] == "proxy"
    assert (line["client"], line["method"], line["status"]) == ("127.0.0.1", "GET", 200)
    assert line["agent"] == 'a "quoted" agent'


def test_a_call_is_logged_with_its_status(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    with grpc.insecure_channel(proxy.grpc_address) as channel, refused():
        health(channel)

    line = logged(proxy, "/Jobs/HealthCheck")

    assert (line["protocol"], line["grpc_status"]) == ("HTTP/2.0", "14")


def test_a_call_that_went_well_is_logged_with_its_status(proxy: Proxy) -> None:
    with grpc.insecure_channel(proxy.grpc_address) as channel:
        health(channel)

    assert logged(proxy, "/Jobs/HealthCheck")["grpc_status"] == "0"


def test_no_secret_is_logged_whether_a_request_is_served_refused_or_fails(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    secret = "s3cret"  # noqa: S105 - what must not be found
    headers = {"Authorization": f"Bearer {secret}", "Cookie": f"session={secret}", "Referer": f"http://x/?key={secret}"}
    paths = ("/api/v1/jobs", "/nothing", "/healthcheck/", "/docs", "/.well-known/acme-challenge/none")
    for path in paths:
        httpx.get(f"{proxy.http_url}{path}?api_key={secret}", headers=headers)

    logged(proxy, "/.well-known/acme-challenge/none")

    assert secret not in proxy.log


def test_health_checks_of_the_proxy_do_not_fill_the_log(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    httpx.get(f"{proxy.http_url}/healthcheck/")
    httpx.get(f"{proxy.http_url}/nothing")

    logged(proxy, "/nothing")

    assert [line["path"] for line in proxy.requests] == ["/nothing"]
