"""Who may talk to us at all. Any web page that a person visits can reach 127.0.0.1 through their browser.

- A Host header that is not ours is refused: a name that a stranger points at 127.0.0.1 must not make their page ours.
- An unsafe method that a browser sends for another page is refused: by its Origin, and by Sec-Fetch-Site where the
  browser tells it.
- A body must be JSON: that is what a page can't send elsewhere without asking first (a preflight, which fails here).
"""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from qserver.errors import Reason
from rest_api.errors import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EVERY_HOST = "*"
_DEFAULT_PORTS = (":80", ":443")


class GuardMiddleware:
    """Refuses what must not come in."""

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        """Answer for these hosts; their ports don't matter."""
        self._app = app
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        problem = refusal(scope["method"], Headers(scope=scope), self._allowed_hosts)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem.response()(scope, receive, send)


def refusal(method: str, headers: Headers, allowed_hosts: frozenset[str]) -> Problem | None:
    """Decide about a request by its headers."""
    problem = _host_refusal(headers, allowed_hosts)
    if problem is None and method not in SAFE_METHODS:
        problem = _origin_refusal(headers) or _type_refusal(headers)
    return problem


def _host_refusal(headers: Headers, allowed_hosts: frozenset[str]) -> Problem | None:
    host = headers.get("host", "")
    if EVERY_HOST in allowed_hosts or _without_port(host) in allowed_hosts:
        return None
    detail = f"the host {host!r} is not served here; add it to QSERVER_HTTP_ALLOWED_HOSTS"
    return Problem(HTTPStatus.MISDIRECTED_REQUEST, detail, Reason.INVALID_REQUEST)


def _origin_refusal(headers: Headers) -> Problem | None:
    origin = headers.get("origin")
    is_same = origin is None or _address(_netloc(origin)) == _address(headers.get("host", ""))
    if is_same and headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
        return None
    detail = f"the request comes from another web page ({origin or 'unnamed'}), which may not change anything here"
    return Problem(HTTPStatus.FORBIDDEN, detail, Reason.PERMISSION_DENIED)


def _type_refusal(headers: Headers) -> Problem | None:
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not has_body or media_type == "application/json":
        return None
    detail = f"the body is {media_type or 'of no named type'}; it must be application/json"
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, Reason.INVALID_REQUEST)


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    # An IPv6 address has colons of its own, inside its brackets.
    has_port = colon and (port.isdigit() or not port) and not host.endswith("]")
    return (name if has_port else host.lower()).removesuffix(".")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as half of an IPv6 address: nobody's
        return ""


def _address(netloc: str) -> str:
    """Write host and port the same way whether or not the port is the scheme's own."""
    address = netloc.lower()
    return next((address.removesuffix(port) for port in _DEFAULT_PORTS if address.endswith(port)), address)
