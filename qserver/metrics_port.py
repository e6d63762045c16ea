"""A port that Prometheus reads a service's figures from."""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server

from qserver.errors import SettingsError

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer


class MetricsPort:
    """Serves a registry over HTTP, where a port is set for it."""

    def __init__(self, registry: CollectorRegistry, *, host: str, port: int, variable: str) -> None:
        """Serve nothing before `start`, and nothing at all on port 0, which is what `variable` says."""
        self._registry = registry
        self._host = host
        self._port = port
        self._variable = variable
        self._server: WSGIServer | None = None

    def start(self) -> None:
        """Listen. Raises SettingsError where the port can't be had."""
        if not self._port:
            return
        try:
            self._server, _ = start_http_server(self._port, self._host, self._registry)
        except OSError as error:
            raise SettingsError(
                f"can't listen on {self._host}:{self._port} ({self._variable}): {error.strerror}"
            ) from error

    def stop(self) -> None:
        """End it. Safe to repeat, and before `start`."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
