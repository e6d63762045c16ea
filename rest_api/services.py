"""What the routes work with, built once and handed to the application."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry

from database import Database
from qserver.access.authenticator import Authenticator
from qserver.access.open_streams import OpenStreams
from qserver.access.visitor import Visitor
from qserver.plugins import BackendSpec
from qserver.settings import Settings
from rest_api.event_hub import EventHub
from rest_api.submission import AcceptedJob, Submission

Probe = Callable[[], None]
"""Returns when the neighbour answers; raises QServerError with a sentence when it doesn't."""


class PluginDescription(Protocol):
    """What a file plugin's package says of itself, found without running it."""

    @property
    def distribution(self) -> str:
        """Name of the package."""

    @property
    def version(self) -> str:
        """Version that is registered."""

    @property
    def backends(self) -> tuple[BackendSpec, ...]:
        """Backends under the plugin's own names for them."""


class PluginInstaller(Protocol):
    """Knows the packages that may be added as file plugins."""

    def describe(self, name: str) -> PluginDescription:
        """Read a package's version and backends. Blocks for at most 20 s; changes nothing.

        Raises NotFound where there is no such package, PermissionDenied where it is not on the allow-list,
        InvalidRequest where it is no plugin, Unavailable where the package index doesn't answer.
        """


class JobsServer(Protocol):
    """The service that takes submissions."""

    async def submit(self, submission: Submission, visitor: Visitor) -> AcceptedJob:
        """Hand a job over in the name of who sent it. Raises what it was refused with, or Unavailable."""

    async def ping(self) -> None:
        """Raise Unavailable unless it answers."""


@dataclass(frozen=True, slots=True)
class Services:
    """Neighbours and shared state of the routes."""

    settings: Settings
    database: Database
    jobs_server: JobsServer
    plugin_installer: PluginInstaller
    event_hub: EventHub
    authenticator: Authenticator
    open_streams: OpenStreams
    broker_probe: Probe | None = None
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)
