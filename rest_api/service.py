"""The service: the application behind a uvicorn server that others can start, stop and embed."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import uvicorn

from database import Change, ChangeKind, Database, Subscription
from database.directory import DatabaseDirectory
from plugins.file_plugin.catalog import PluginCatalog
from qserver.access.open_streams import OpenStreams
from qserver.access.opening import open_authenticator
from qserver.errors import SettingsError
from qserver.settings import RestApiSettings, Settings
from rest_api.app import create_app
from rest_api.event_hub import EventHub
from rest_api.jobs_client import JobsClient
from rest_api.protocol import PromptProtocol
from rest_api.services import PluginInstaller, Probe, Services

DRAIN_SECONDS = 10
BACKLOG = 2048

_LOG: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class RestApi:
    """HTTP over a database. Runs in the event loop that starts it."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        broker_probe: Probe | None = None,
        plugin_installer: PluginInstaller | None = None,
    ) -> None:
        """Use a database that somebody else closes. Without an installer, plugins are looked up as settings say.

        Raises SettingsError where nobody would be asked for a key and other machines could come in.
        """
        self._settings = settings
        self._database = database
        self._broker_probe = broker_probe
        self._plugin_installer = plugin_installer or PluginCatalog(settings.plugins)
        self._event_hub = EventHub(database.changes, max_streams=settings.rest_api.event_streams)
        self._authenticator = open_authenticator(
            settings.access,
            DatabaseDirectory(database),
            host=settings.rest_api.http_host,
            variable="QSERVER_HTTP_HOST",
        )
        self._open_streams = OpenStreams(
            self._authenticator,
            beat_seconds=settings.access.key_cache_seconds,
            most_per_user=settings.quotas.max_open_streams_per_user,
        )
        self._subscription: Subscription | None = None
        self._running: _Running | None = None
        self._stopping: _Running | None = None

    @property
    def port(self) -> int:
        """The port that is listened on. Raises RuntimeError before `start`."""
        if self._running is None:
            raise RuntimeError("the HTTP service was not started")
        return self._running.port

    async def start(self) -> None:
        """Listen. Returns when requests are answered; raises SettingsError where the address can't be had."""
        listener = listen(self._settings.rest_api)
        jobs_client = JobsClient(self._settings.rest_api.jobs_server_address)
        services = Services(
            settings=self._settings,
            database=self._database,
            jobs_server=jobs_client,
            plugin_installer=self._plugin_installer,
            event_hub=self._event_hub,
            authenticator=self._authenticator,
            open_streams=self._open_streams,
            broker_probe=self._broker_probe,
        )
        self._event_hub.start()
        self._open_streams.start()
        self._subscription = self._database.changes.subscribe(
            self._listener(asyncio.get_running_loop()), {ChangeKind.ACCESS}
        )
        server = _EmbeddedServer(_config(services))
        task = asyncio.create_task(server.serve([listener]), name="rest-api")
        self._running = _Running(server, task, jobs_client, listener.getsockname()[1])
        await _first_of(task, server.is_serving)
        _LOG.info("rest_api_started", host=self._settings.rest_api.http_host, port=self.port)

    async def hurry(self) -> None:
        """Make a `stop` that is under way wait for nobody."""
        if self._stopping is not None:
            self._stopping.server.force_exit = True

    async def stop(self) -> None:
        """End event streams, let requests under way end, and stop. Safe to repeat."""
        running, self._running = self._running, None
        if running is None:
            return
        self._stopping = running
        self._event_hub.close()
        self._open_streams.close()
        if self._subscription is not None:
            self._subscription.close()
        running.server.should_exit = True
        await running.task
        await running.jobs_client.close()
        _LOG.info("rest_api_stopped")

    def _listener(self, loop: asyncio.AbstractEventLoop) -> Callable[[Change], None]:
        def listen(_change: Change) -> None:  # in the feed's thread
            self._authenticator.forget()
            loop.call_soon_threadsafe(self._open_streams.wake)

        return listen


class _EmbeddedServer(uvicorn.Server):
    """A uvicorn server that leaves signals to its process, and tells when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_serving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_serving.set()


@dataclass(frozen=True, slots=True)
class _Running:
    """What there is between `start` and `stop`."""

    server: _EmbeddedServer
    task: asyncio.Task[None]
    jobs_client: JobsClient
    port: int


async def _first_of(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for the event, or raise what ended the task before it came."""
    waiter = asyncio.create_task(event.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        await task


def listen(settings: RestApiSettings) -> socket.socket:
    """Give a socket on which HTTP can be served. Raises SettingsError where the address can't be had."""
    address = (settings.http_host, settings.http_port)
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    try:
        listener = socket.create_server(address, family=family, backlog=BACKLOG)
        # asyncio sets this only where a socket names its protocol, which those of `create_server` don't. Without it the
        # body of an answer waits 40 ms on a kept connection, until the client's kernel confirms the head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise SettingsError(
            f"can't listen on {settings.http_host}:{settings.http_port}: {_words(error)}"
            " (QSERVER_HTTP_HOST, QSERVER_HTTP_PORT)"
        ) from error
    return listener


def _words(error: OSError) -> str:
    """Give the system's own words: Python adds the address to them, which stands in the sentence already."""
    return os.strerror(error.errno) if error.errno else str(error)


def _config(services: Services) -> uvicorn.Config:
    trusted = [str(network) for network in services.settings.proxy.trusted_proxies]
    return uvicorn.Config(
        create_app(services),
        http=PromptProtocol,
        ws="none",
        lifespan="off",  # what the application uses is opened and closed here
        log_config=None,  # the process has configured its logs
        access_log=False,  # /metrics counts requests; the proxy logs them
        server_header=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
