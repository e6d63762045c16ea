"""Which requests are let in by their headers alone."""

import pytest
from starlette.datastructures import Headers

from rest_api.middleware.guard import refusal

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
JSON = {"content-type": "application/json", "content-length": "2"}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "localhost."]
)
def test_our_own_hosts_are_answered_at_any_port(host: str) -> None:
    assert refusal("GET", Headers({"host": host}), HOSTS) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "evil.example:8080", "", "127.0.0.1.nip.io", "[::2]", "localhost@x"],
)
def test_other_hosts_are_misdirected(host: str) -> None:
    problem = refusal("GET", Headers({"host": host}), HOSTS)

    assert problem is not None
    assert problem.status == 421
    assert "QSERVER_HTTP_ALLOWED_HOSTS" in problem.detail


def test_a_star_answers_every_host() -> None:
    assert refusal("GET", Headers({"host": "evil.example"}), frozenset({"*"})) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("localhost", "http://localhost"),
        ("localhost", "https://localhost"),
        ("localhost:443", "https://localhost"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_our_own_page_may_change_things(host: str, origin: str) -> None:
    assert refusal("PUT", Headers({"host": host, "origin": origin}), HOSTS) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9090"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://localhost:8080", "sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_another_page_may_change_nothing(method: str, headers: dict[str, str]) -> None:
    problem = refusal(method, Headers({"host": "localhost:8080", **headers}), HOSTS)

    assert problem is not None
    assert problem.status == 403


def test_another_page_may_ask() -> None:
    headers = Headers({"host": "localhost", "origin": "https://evil.example", "sec-fetch-site": "cross-site"})

    assert refusal("GET", headers, HOSTS) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-length": "0", "content-type": "text/plain"},
        JSON,
        {**JSON, "content-type": "Application/JSON; charset=utf-8"},
    ],
)
def test_no_body_and_json_are_taken(headers: dict[str, str]) -> None:
    assert refusal("POST", Headers({"host": "localhost", **headers}), HOSTS) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "2"},
        {"content-length": "2", "content-type": "text/plain"},
        {"content-length": "2", "content-type": "application/x-www-form-urlencoded"},
        {"content-length": "2", "content-type": "multipart/form-data; boundary=x"},
        {"transfer-encoding": "chunked", "content-type": "text/plain"},
    ],
)
def test_other_bodies_are_of_the_wrong_type(headers: dict[str, str]) -> None:
    problem = refusal("POST", Headers({"host": "localhost", **headers}), HOSTS)

    assert problem is not None
    assert problem.status == 415
