"""Where a server is: one URL for people, and what HTTP and gRPC make of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from qserver.addresses import is_loopback
from qserver.errors import SettingsError

DEFAULT_SCHEME = "https"
_DEFAULT_PORTS: Mapping[str, int] = MappingProxyType({"https": 443, "http": 80})


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A host and port. `is_secure` says whether both protocols go over TLS there."""

    host: str
    port: int
    is_secure: bool

    @property
    def url(self) -> str:
        """The address as HTTP wants it, without a path."""
        scheme = "https" if self.is_secure else "http"
        port = "" if self.port == _DEFAULT_PORTS[scheme] else f":{self.port}"
        return f"{scheme}://{self._bracketed_host}{port}"

    @property
    def target(self) -> str:
        """The address as gRPC wants it."""
        return f"{self._bracketed_host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there never leaves this machine."""
        return is_loopback(self.host) or self.host == "localhost"

    @property
    def _bracketed_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def with_port(self, port: int) -> "ServerAddress":
        """Give another port of the same host."""
        return ServerAddress(self.host, port, self.is_secure)


def parse_address(url: str) -> ServerAddress:
    """Read `https://box`, `http://127.0.0.1:8080`, or `box:8443` (which means https).

    Raises SettingsError where it is no such address.
    """
    parts = urlsplit(url if "://" in url else f"{DEFAULT_SCHEME}://{url}")
    try:
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"server '{url}' has no port that exists: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise SettingsError(f"server '{url}' is no address; give https://host or http://host:port")
    if parts.path.strip("/") or parts.query or parts.username:
        raise SettingsError(f"server '{url}' must be a scheme, a host and a port alone")
    return ServerAddress(
        parts.hostname, _DEFAULT_PORTS[parts.scheme] if port is None else port, parts.scheme == "https"
    )
