"""Tricks with methods, headers, cookies and paths: what the proxy says to them, and that none reaches further."""

import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.integration.proxy.http2 import PSEUDO_HEADERS, STATUS_400, ask
from tests.servers.proxy import Proxy
from tests.tried import Tried

KIND = "Requests at the proxy"
HOST = b"Host: localhost\r\nConnection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
SMUGGLED = b"GET /api/v1/limits HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Trick:
    """A request as it is sent, and what answers it."""

    name: str
    request: bytes
    status: int
    sentence: bytes


def get(headers: bytes = b"", path: bytes = b"/api/v1/limits", method: bytes = b"GET") -> bytes:
    return method + b" " + path + b" HTTP/1.1\r\n" + headers + HOST + b"\r\n"


def post(headers: bytes, body: bytes = b"", path: bytes = b"/api/v1/jobs") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\n" + JSON + headers + HOST + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"
HOST_TRICK = b"GET /api/v1/limits HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
MALFORMED = b"the request is malformed"
NOTHING = b"there is nothing here"
TRICKS = (
    Trick("TRACE", get(method=b"TRACE"), 404, NOTHING),
    Trick("CONNECT", get(method=b"CONNECT", path=b"example.org:80"), 404, NOTHING),
    Trick("a method that nobody knows", get(method=b"FROBNICATE"), 405, b"does not answer FROBNICATE"),
    Trick("a method in small letters", get(method=b"get"), 400, MALFORMED),
    Trick(
        "a method in a header", post(b"X-HTTP-Method-Override: GET\r\n", path=b"/api/v1/limits"), 405, b"answer POST"
    ),
    Trick(
        "a length and chunks (request smuggling)",
        post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
        400,
        MALFORMED,
    ),
    Trick("two lengths", post(b"Content-Length: 2\r\nContent-Length: 40\r\n", b"{}" + SMUGGLED), 400, MALFORMED),
    Trick("a negative length", post(b"Content-Length: -1\r\n"), 400, MALFORMED),
    Trick("a length of 23 digits", post(b"Content-Length: " + b"9" * 23 + b"\r\n"), 400, MALFORMED),
    Trick("an unknown transfer encoding", post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), 400, MALFORMED),
    Trick("chunks within something", post(b"Transfer-Encoding: chunked, identity\r\n", SMUGGLED), 400, MALFORMED),
    Trick("a chunk past all sizes", post(b"Transfer-Encoding: chunked\r\n", b"f" * 18 + b"\r\n\r\n"), 400, MALFORMED),
    Trick("a length with a sign", post(b"Content-Length: +2\r\n", b"{}"), 400, MALFORMED),
    Trick("a list of lengths", post(b"Content-Length: 2, 2\r\n", b"{}"), 400, MALFORMED),
    Trick("chunks of HTTP/1.0", post(CHUNKED, b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"), 400, MALFORMED),
    Trick("chunks, said twice", post(CHUNKED + CHUNKED, b"0\r\n\r\n"), 400, MALFORMED),
    Trick("chunks behind a vertical tab", post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), 400, MALFORMED),
    Trick("a chunk of negative size", post(CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n"), 400, MALFORMED),
    Trick("a chunk of 0x2", post(CHUNKED, b"0x2\r\n{}\r\n0\r\n\r\n"), 400, MALFORMED),
    Trick("a line break in a chunk's extension", post(CHUNKED, b"2;a\nb\r\n{}\r\n0\r\n\r\n"), 400, MALFORMED),
    Trick(
        "headers behind the body",
        post(CHUNKED, b"2\r\n{}\r\n0\r\nX-Real-IP: 203.0.113.7\r\nAuthorization: Bearer x\r\n\r\n"),
        400,
        b"Field required",
    ),
    Trick("a request as the body of another", get(b"Content-Length: 53\r\n") + SMUGGLED, 200, b'"max_shots"'),
    Trick("two keys", get(b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"), 400, MALFORMED),
    Trick("another scheme than Bearer", get(b"Authorization: Basic YTpi\r\n"), 401, b"must be 'Bearer '"),
    Trick("another page's request", post(b"Origin: http://evil.example\r\n"), 403, b"another web page"),
    Trick("NUL in a header", get(b"X-A: a\0b\r\n"), 400, MALFORMED),
    Trick("a bare carriage return", get(b"X-A: a\rX-B: b\r\n"), 400, MALFORMED),
    Trick("a folded header", get(b"X-A: a\r\n b\r\n"), 400, MALFORMED),
    Trick("a blank before the colon", get(b"X-A : a\r\n"), 400, MALFORMED),
    Trick("no Host", b"GET /api/v1/limits HTTP/1.1\r\nConnection: close\r\n\r\n", 400, MALFORMED),
    Trick("two Hosts", get(b"Host: evil.example\r\n"), 400, MALFORMED),
    Trick(
        "a Host of somebody else",
        b"GET /api/v1/limits HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        421,
        b"QSERVER_HTTP_ALLOWED_HOSTS",
    ),
    Trick("a cookie of 100 kB", get(b"Cookie: a=" + b"x" * 100_000 + b"\r\n"), 400, MALFORMED),
    Trick("20,000 headers", get(b"X-A: 1\r\n" * 20_000), 400, MALFORMED),
    Trick("SQL in a cookie", get(b'Cookie: a="; DROP TABLE jobs; --\r\n'), 200, b'"max_shots"'),
    Trick("an upgrade to HTTP/2", get(b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), 200, b'"max_shots"'),
    Trick("500 ranges", get(b"Range: bytes=" + b",".join([b"0-1"] * 500) + b"\r\n"), 200, b'"max_shots"'),
    Trick("another version", get().replace(b"HTTP/1.1", b"HTTP/9.9"), 400, MALFORMED),
    Trick("a form", post(b"", path=b"/api/v1/jobs").replace(b"application/json", b"text/plain"), 400, b"body"),
    Trick("a path out of the root, encoded", get(path=b"/api/v1/job/..%2f..%2f..%2fetc%2fpasswd"), 404, NOTHING),
    Trick("a path encoded twice", get(path=b"/api/v1/job/%252e%252e%252fetc"), 400, b"valid UUID"),
    Trick("a path for a plugin", post(b"", path=b"/api/v1/plugin/..%2f..%2fevil"), 404, b"nothing at"),
    Trick(
        "an option of pip for a plugin", post(b"", path=b"/api/v1/plugin/--index-url=x"), 400, b"no name of a distri"
    ),
    Trick("a command for a plugin", post(b"", path=b"/api/v1/plugin/aer-plugin;id"), 400, b"no name of a distribution"),
    Trick("line breaks for a plugin", post(b"", path=b"/api/v1/plugin/a%0d%0aX:%20y"), 400, b"path.name"),
    Trick(
        "SQL for a backend", get(path=b"/api/v1/backend/aer'%3bDROP%20TABLE%20jobs%3b--"), 404, b"there is no backend"
    ),
    Trick("bytes that are no text for a backend", get(path=b"/api/v1/backend/%ff%fe%ed%a0%80"), 404, b"no backend"),
    Trick("figures, past /api", get(path=b"/api/%2e%2e/metrics"), 404, NOTHING),
    Trick("figures, past /api, encoded twice over", get(path=b"/api/..%2fmetrics"), 404, NOTHING),
    Trick("figures, past /static", get(path=b"/static/../metrics"), 404, NOTHING),
    Trick("figures, with two slashes", get(path=b"//metrics"), 404, NOTHING),
    Trick("figures, with a whole URL", get(path=b"http://localhost/metrics"), 404, NOTHING),
    Trick("figures, before a way back", get(path=b"/metrics/..%2fapi/v1/limits"), 404, b"there is nothing at"),
    Trick("figures, before a mark", get(path=b"/metrics%23/../api/"), 404, b"there is nothing at"),
    Trick("a Host with a user", HOST_TRICK % b"localhost@evil.example", 400, MALFORMED),
    Trick("a Host with a path", HOST_TRICK % b"localhost/../x", 400, MALFORMED),
    Trick("a list of Hosts", HOST_TRICK % b"localhost, evil.example", 400, MALFORMED),
    Trick("a file of the server as a page", get(path=b"/static/..%2f..%2fqserver%2fsettings.py"), 400, MALFORMED),
)
HTTP2_TRICKS = {
    "a name in capital letters": {"X-A": "1"},
    "a transfer encoding": {"transfer-encoding": "chunked"},
    "a header of connections": {"connection": "x-real-ip"},
    "a line break in a value": {"x-a": "1\r\nX-Real-IP: 203.0.113.7"},
    "NUL in a value": {"x-a": "1\0"},
    "a line break in a name": {"x-a: 1\r\nx-real-ip": "203.0.113.7"},
    "another Host than authority": {"host": "evil.example"},
    "a request in the path": {":path": "/api/v1/limits HTTP/1.1\r\nX-A: 1"},
    "a URL as the path": {":path": "http://evil.example/metrics"},
    "a request in the method": {":method": "GET /metrics"},
    "an unknown pseudo-header": {":evil": "1"},
}
CALL = b"Content-Type: application/grpc\r\nTE: trailers\r\n"
TRIED = [
    *(Tried(KIND, trick.name, "proxy", f"{trick.status} `{trick.sentence.decode()}`") for trick in TRICKS),
    *(Tried(KIND, f"HTTP/2: {name}", "proxy", f"400 `{MALFORMED.decode()}`") for name in HTTP2_TRICKS),
    Tried(KIND, "a call by another method than POST", "proxy", "UNIMPLEMENTED `there is nothing here`"),
]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
def test_a_trick_gets_one_answer_and_no_further(proxy: Proxy, trick: Trick) -> None:
    with closing(socket.create_connection(("127.0.0.1", proxy.http_port), timeout=30)) as connection:
        connection.sendall(trick.request)
        answer = connection.makefile("rb").read()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {trick.status} ".encode()), head
    assert answer.count(b"HTTP/1.1 ") == 1
    assert trick.sentence in body
    assert b"root:" not in body


@pytest.mark.parametrize("headers", HTTP2_TRICKS.values(), ids=HTTP2_TRICKS)
def test_a_trick_of_http2_gets_no_further(proxy: Proxy, headers: Mapping[str, str]) -> None:
    with closing(socket.create_connection(("127.0.0.1", proxy.http_port), timeout=30)) as connection:
        head, body = ask(connection, {**PSEUDO_HEADERS, ":path": "/api/v1/limits", **headers})

    assert head[0] == STATUS_400
    assert MALFORMED in body


@pytest.mark.parametrize("method", [b"GET", b"PUT", b"DELETE"])
def test_a_call_by_another_method_is_not_told_that_the_server_is_missing(proxy: Proxy, method: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", proxy.http_port), timeout=30)) as connection:
        connection.sendall(get(CALL, path=b"/qserver.v1.JobService/ListJobs", method=method))
        head = connection.makefile("rb").read()

    assert b"\r\ngrpc-status: 12\r\n" in head
    assert b"\r\ngrpc-message: there is nothing here\r\n" in head
