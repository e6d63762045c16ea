"""Headers that keep browsers careful: on every answer, once, and not on gRPC's."""

import grpc
import httpx
import pytest

from tests.integration.proxy.calls import unary
from tests.integration.proxy.conftest import StartProxy
from tests.servers.proxy import Proxy

CAREFUL = ("x-content-type-options", "content-security-policy", "x-frame-options", "referrer-policy")


@pytest.mark.parametrize("path", ["/healthcheck/", "/nothing", "/api/v1/health", "/api/v1/nothing", "/docs"])
def test_every_answer_has_each_header_once(proxy: Proxy, path: str) -> None:
    headers = httpx.get(proxy.http_url + path).headers

    assert [len(headers.get_list(name)) for name in CAREFUL] == [1, 1, 1, 1]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_page_of_documentation_keeps_its_own_policy(proxy: Proxy) -> None:
    assert "script-src 'self'" in httpx.get(f"{proxy.http_url}/docs").headers["content-security-policy"]


def test_the_version_of_nginx_is_not_told(proxy: Proxy) -> None:
    assert httpx.get(f"{proxy.http_url}/nothing").headers["server"] == "nginx"


def test_calls_are_not_burdened_with_headers_for_browsers(proxy: Proxy) -> None:
    with grpc.insecure_channel(proxy.grpc_address) as channel:
        _, call = unary(channel, "/Jobs/HealthCheck").with_call(b"", timeout=30)

    assert {key for key, _ in call.initial_metadata()} & set(CAREFUL) == set()


def test_browsers_stay_with_tls_only_where_there_is_a_domain(start_proxy: StartProxy) -> None:
    named, nameless = start_proxy(DOMAIN="localhost"), start_proxy()
    with named.client() as client:
        assert client.get("/healthcheck/").headers["strict-transport-security"] == "max-age=31536000"
    with nameless.client() as client:
        assert "strict-transport-security" not in client.get("/healthcheck/").headers
    assert "strict-transport-security" not in httpx.get(f"{named.http_url}/healthcheck/").headers


def test_what_a_client_has_is_not_sent_again(proxy: Proxy) -> None:
    circuit = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; measure q -> c;'
    job = {"backend": "aer", "circuit": circuit, "result_types": ["counts"]}
    job_id = httpx.post(f"{proxy.http_url}/api/v1/jobs", json=job, timeout=60).json()["id"]
    httpx.put(f"{proxy.http_url}/api/v1/job/cancel/{job_id}")  # so that it is over
    for where in (f"{proxy.http_url}/api/v1/job/{job_id}", f"{proxy.http_url}/api/v1/job/{job_id}/circuit"):
        first = httpx.get(where)

        again = httpx.get(where, headers={"If-None-Match": first.headers["etag"]})

        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert first.headers["cache-control"] == again.headers["cache-control"] == "private, no-cache"
