"""Tricks with methods, headers, cookies and paths: what the proxy says to them, and that none reaches further."""

import socket
from contextlib import closing
from dataclasses import dataclass

import pytest

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
    Trick("a file of the server as a page", get(path=b"/static/..%2f..%2fqserver%2fsettings.py"), 400, MALFORMED),
)
TRIED = [Tried(KIND, trick.name, "proxy", f"{trick.status} `{trick.sentence.decode()}`") for trick in TRICKS]


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
