"""One host for both protocols: what leads where."""

import socket
from contextlib import closing

import grpc
import httpx
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.integration.proxy.calls import cancel, health, refused, submit, unary
from tests.servers.proxy import Proxy

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/api/v1/health", "application/json"),
        ("/api/v1/health/", "application/json"),
        ("/api/v1/jobs/?cursor=0", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/static/docs.js", "text/javascript; charset=utf-8"),
        ("/static/swagger-ui/swagger-ui.css", "text/css; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ],
)
def test_paths_of_the_results_api_lead_there(proxy: Proxy, path: str, media_type: str) -> None:
    answer = httpx.get(proxy.http_url + path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)


def test_the_original_address_of_the_documents_leads_to_them(proxy: Proxy) -> None:
    answer = httpx.get(f"{proxy.http_url}/swagger/index.html", follow_redirects=True)

    assert answer.url == f"{proxy.http_url}/docs"
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/healthcheck/", "/healthcheck"])
def test_the_health_check_answers_as_the_original_does(proxy: Proxy, path: str) -> None:
    answer = httpx.get(proxy.http_url + path)

    assert (answer.status_code, answer.text) == (200, "All Working")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/metrics", "/metrics/", "//metrics", "/api", "/docsx", "/openapi.jsonx", "/nothing"),
        *("/api/../metrics", "/api/%2e%2e/metrics", "/api/..%2fmetrics", "/static/../metrics", "/docs/../metrics"),
        *("/.well-known/acme-challenge/", "/.well-known/acme-challenge/none", "/.well-known/acme-challenge/../x"),
    ],
)
def test_anything_else_is_a_problem_document_of_404(proxy: Proxy, path: str) -> None:
    answer = httpx.get(httpx.URL(proxy.http_url).copy_with(raw_path=path.encode()))

    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json()["reason"] == "NOT_FOUND"
    assert answer.json()["msg"] == "there is nothing here; see /docs"


@pytest.mark.parametrize("path", ["/healthcheck/", "/.well-known/acme-challenge/x"])
def test_what_can_only_be_read_is_nowhere_for_other_methods(proxy: Proxy, path: str) -> None:
    assert httpx.post(proxy.http_url + path).status_code == 404


def test_refusals_of_the_results_api_come_through_as_they_are(proxy: Proxy) -> None:
    answer = httpx.get(f"{proxy.http_url}/api/v1/nothing")

    assert answer.status_code == 404
    assert answer.json()["msg"] == "there is nothing at /api/v1/nothing; see /docs"


def test_grpc_is_spoken_in_cleartext_beside_http(proxy: Proxy) -> None:
    with grpc.insecure_channel(proxy.grpc_address) as channel:
        assert health(channel) == "OK"


@pytest.mark.parametrize("path", ["/api/v1/health", "/docs", "/healthcheck/", "/metrics", "/nothing/at.all"])
def test_a_grpc_call_reaches_the_jobs_server_whatever_its_path(proxy: Proxy, path: str) -> None:
    with grpc.insecure_channel(proxy.grpc_address) as channel, refused() as refusals:
        unary(channel, path)(b"", timeout=30)

    assert refusals[0].code is grpc.StatusCode.UNIMPLEMENTED
    assert "ethod not found" in refusals[0].sentence


def test_reflection_works_through_the_proxy(proxy: Proxy) -> None:
    with grpc.insecure_channel(proxy.grpc_address) as channel:
        names = set(ProtoReflectionDescriptorDatabase(channel).get_services())

    assert {"Jobs", "qserver.v1.JobService"} <= names


def test_a_compressed_call_comes_through(proxy: Proxy) -> None:
    with grpc.insecure_channel(proxy.grpc_address, compression=grpc.Compression.Gzip) as channel:
        cancel(channel, submit(channel))


def test_a_challenge_of_the_certificate_authority_is_answered(proxy: Proxy) -> None:
    folder = proxy.acme / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "a-Token_1").write_text("a-Token_1.thumbprint")

    answer = httpx.get(f"{proxy.http_url}/.well-known/acme-challenge/a-Token_1")

    assert (answer.status_code, answer.text) == (200, "a-Token_1.thumbprint")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /%2e%2e/metrics HTTP/1.1",
        b"GET /api/v1/health/%00 HTTP/1.1",
        b"GET /api/v1/" + b"a" * 70_000 + b" HTTP/1.1",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2",
    ],
    ids=["out of the root", "zero byte", "endless", "no HTTP"],
)
def test_a_request_without_a_path_that_can_be_read_is_the_sender_s_fault(proxy: Proxy, request_line: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", proxy.http_port), timeout=10)) as connection:
        connection.sendall(request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")

        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Type: application/problem+json" in answer
    assert b'"reason":"INVALID_REQUEST"' in answer
