"""What every response has: careful headers, a figure of its time, and a body even where the fault is ours."""

import time
from collections.abc import Mapping
from types import MappingProxyType

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rest_api.errors import internal_problem
from rest_api.metrics import HttpMetrics

_LOG: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# Swagger UI sets style attributes; its scripts, like everything else, come from here.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"  # one series for whatever strangers make up


class ResponseMiddleware:
    """The outermost one: adds headers, answers faults, takes the time."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        """Count in `metrics`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and see its response out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = _Sent(send)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, sent)
        except Exception:
            # The outermost loop of a request: without an answer, its client would see a broken connection.
            _LOG.exception("request_failed", method=scope["method"], route=_route(scope))
            if sent.status is not None:
                raise
            await internal_problem().response()(scope, receive, sent)
        finally:
            self._observe(scope, sent, started)

    def _observe(self, scope: Scope, sent: "_Sent", started: float) -> None:
        self._metrics.observe(
            method=scope["method"] if scope["method"] in METHODS else UNKNOWN,
            route=_route(scope),
            status=sent.status or 499,  # the client left before there was an answer
            seconds=(sent.began or time.perf_counter()) - started,
        )


class _Sent:
    """Passes a response on, with our headers, and remembers how it began."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        self.began: float | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.began = time.perf_counter()
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", UNKNOWN)
