"""The jobs server: gRPC ingest and the dispatcher, put together."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from database.changes import Change, ChangeKind, Subscription
from database.database import Database
from database.directory import DatabaseDirectory
from jobs_server.admission import Admission
from jobs_server.call_room import CallRoom
from jobs_server.catalog import Catalog
from jobs_server.circuits import CircuitLibrary
from jobs_server.committer import Committer
from jobs_server.direct_dispatch import DirectDispatch
from jobs_server.dispatcher import Dispatcher
from jobs_server.dispatcher_thread import DispatcherThread
from jobs_server.free_routes import FreeRoutes
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.inspectors import Inspector, InspectorPool
from jobs_server.intake import Intake
from jobs_server.interceptor import Gate
from jobs_server.job_streams import JobStreams
from jobs_server.large_work import LargeWork
from jobs_server.metrics import Metrics
from jobs_server.noise_models import NoiseModels
from jobs_server.original import OriginalService
from jobs_server.reading_time import ReadingTime
from jobs_server.readings import CircuitReader
from jobs_server.refusals import Refusals
from jobs_server.registration import register_built_ins
from jobs_server.repeats import Repeats
from jobs_server.result_streams import ResultStreams
from jobs_server.server import GrpcServer
from jobs_server.streams import Streams
from jobs_server.transactions import Transactions
from jobs_server.upload import UploadRoom
from jobs_server.v1 import JobService
from jobs_server.watch import Watches
from plugins.registry import Registry
from plugins.sandboxed import spawn_plugin_process
from qserver.access.open_streams import OpenStreams
from qserver.access.opening import open_authenticator
from qserver.broker.interface import Broker
from qserver.clock import SystemClock
from qserver.machine import read_machine
from qserver.metrics_port import MetricsPort
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from qserver.settings import MIB, Settings

_log = structlog.get_logger(__name__)


class JobsServer:
    """Takes jobs over gRPC and hands them to workers. Lives in its caller's event loop, after `start`."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        broker: Broker,
        forkserver: Forkserver,
        *,
        registry: Registry | None = None,
        spawn_inspector: Callable[[], Inspector] | None = None,
        inner_door: Path | None = None,
    ) -> None:
        """Build everything; nothing listens or runs before `start`. What is given is closed by who gave it.

        Raises SettingsError where nobody would be asked for a key and other machines could come in.

        `inner_door` is a Unix socket to listen on besides, in a folder that others can't enter: whoever comes by it is
        believed where a request came from. Without a registry the plugins are those that are installed; without
        `spawn_inspector` inspectors are children of the forkserver.
        """
        self._settings = settings
        self._inner_door = inner_door
        self._database = database
        self._broker = broker
        self._clock = SystemClock()
        self._registry = registry or Registry.built_in()
        self._metrics = Metrics()
        self._publisher = broker.publisher()
        # The dispatcher's thread has a connection too.
        self._transactions = Transactions(database, threads=max(1, settings.database.database_pool_size - 1))
        self._authenticator = open_authenticator(
            settings.access,
            DatabaseDirectory(database),
            host=settings.jobs_server.grpc_host,
            variable="QSERVER_GRPC_HOST",
        )
        self._open_streams = OpenStreams(
            self._authenticator,
            beat_seconds=settings.access.key_cache_seconds,
            most_per_user=settings.quotas.max_open_streams_per_user,
        )
        self._inspectors = self._make_inspectors(spawn_inspector or _inspector_spawner(forkserver, settings))
        self._reader = CircuitReader(self._inspectors, settings.inspector, self._metrics)
        self._catalog = Catalog(self._transactions, self._clock)
        self._fresh_jobs = FreshJobs()
        free_routes = FreeRoutes()
        dispatcher = self._make_dispatcher(free_routes)
        self._direct_dispatch = DirectDispatch(free_routes, dispatcher)
        self._dispatcher = self._make_dispatcher_thread(dispatcher)
        self._committer = self._make_committer()
        self._streams = Streams(
            events=Watches(self._transactions),
            jobs=JobStreams(self._transactions),
            results=ResultStreams(self._transactions, self._fresh_jobs),
        )
        self._room = UploadRoom(settings.limits)
        self._metrics_port = MetricsPort(
            self._metrics.registry,
            host=settings.jobs_server.grpc_host,
            port=settings.jobs_server.grpc_metrics_port,
            variable="QSERVER_GRPC_METRICS_PORT",
        )
        self._server: GrpcServer | None = None
        self._subscription: Subscription | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port that gRPC is served on; 0 before `start`."""
        return self._port

    async def start(self) -> None:
        """Register the built-in plugins, then serve. Waits for a database that isn't there yet.

        Raises SettingsError where the port can't be had.
        """
        await register_built_ins(self._transactions, self._registry.plugins, self._clock)
        await self._transactions.run(lambda transaction: transaction.quotas.forget())
        self._subscription = self._database.changes.subscribe(
            self._listener(asyncio.get_running_loop()), frozenset(ChangeKind) - {ChangeKind.STOPPED}
        )
        self._server = self._make_server()
        self._open_streams.start()
        self._port = await self._server.start()
        self._direct_dispatch.start()
        self._dispatcher.start()
        self._metrics_port.start()
        _log.info("jobs_server_started", port=self._port)

    async def stop(self) -> None:
        """Refuse new calls, let open ones end within QSERVER_GRPC_DRAIN_SECONDS, then end the rest."""
        if self._server is not None:
            self._streams.close()
            await self._server.stop()
        self._open_streams.close()
        await self._committer.drain()
        if self._subscription is not None:
            self._subscription.close()
        await asyncio.to_thread(self._close)
        _log.info("jobs_server_stopped")

    async def hurry(self) -> None:
        """Cut short the time that `stop` gives to open calls."""
        if self._server is not None:
            await self._server.hurry()

    def _close(self) -> None:
        self._metrics_port.stop()
        self._direct_dispatch.stop()
        self._dispatcher.stop()
        self._publisher.close()
        self._inspectors.close()
        self._transactions.close()

    def _listener(self, loop: asyncio.AbstractEventLoop) -> Callable[[Change], None]:
        def listen(change: Change) -> None:  # in the feed's thread
            if self._streams.want(change.kind):
                loop.call_soon_threadsafe(self._hear, change)

        return listen

    def _hear(self, change: Change) -> None:
        self._fresh_jobs.tell(change)
        self._streams.tell(change)
        if change.kind in {ChangeKind.PLUGINS, ChangeKind.RECONNECTED}:
            self._catalog.forget()
        if change.kind in {ChangeKind.ACCESS, ChangeKind.RECONNECTED}:
            self._authenticator.forget()
            self._open_streams.wake()

    def _make_inspectors(self, spawn: Callable[[], Inspector]) -> InspectorPool:
        settings = self._settings.inspector
        processes = settings.inspector_processes or read_machine().cores
        allowance_seconds = settings.inspector_lost_seconds_per_hour if self._are_users_known else 0.0
        reading_time = ReadingTime(allowance_seconds=allowance_seconds, clock=self._clock)
        return InspectorPool(spawn, settings, processes=processes, reading_time=reading_time, clock=self._clock)

    def _make_committer(self) -> Committer:
        delay_seconds = self._settings.jobs_server.commit_delay_seconds
        quotas = self._settings.quotas
        return Committer(
            self._transactions,
            self._metrics,
            self._fresh_jobs,
            self._direct_dispatch,
            quotas=quotas,
            delay_seconds=delay_seconds,
        )

    @property
    def _are_users_known(self) -> bool:
        # Who is asked for no key is an administrator, whom no quota of a user binds.
        return self._settings.access.auth == "required"

    @property
    def _most_running_per_user(self) -> int:
        return self._settings.quotas.max_running_jobs_per_user if self._are_users_known else 0

    def _make_dispatcher(self, free_routes: FreeRoutes) -> Dispatcher:
        return Dispatcher(
            self._database,
            self._publisher,
            self._settings.dispatcher,
            live_within_seconds=self._settings.worker.live_within_seconds,
            clock=self._clock,
            metrics=self._metrics,
            free_routes=free_routes,
            most_running_per_user=self._most_running_per_user,
        )

    def _make_dispatcher_thread(self, dispatcher: Dispatcher) -> DispatcherThread:
        return DispatcherThread(
            dispatcher,
            self._database.changes,
            self._metrics,
            poll_seconds=self._settings.dispatcher.dispatch_poll_seconds,
            wakes_when_jobs_end=bool(self._most_running_per_user),
        )

    def _make_server(self) -> GrpcServer:
        limits = self._settings.limits
        large_work = LargeWork()
        admission = self._make_admission(large_work)
        intake = Intake(Repeats(self._transactions), admission, self._committer, limits, large_work)
        v1 = JobService(
            intake=intake,
            catalog=self._catalog,
            transactions=self._transactions,
            streams=self._streams,
            room=self._room,
            limits=limits,
            metrics=self._metrics,
            large_work=large_work,
        )
        original = OriginalService(intake, self._catalog, self._room, limits)
        return GrpcServer(
            original,
            v1,
            gate=self._make_gate(),
            transactions=self._transactions,
            broker=self._broker,
            settings=self._settings,
            inner_door=self._inner_door,
        )

    def _make_gate(self) -> Gate:
        return Gate(
            self._authenticator,
            self._metrics,
            self._settings.proxy,
            room=CallRoom(self._settings.jobs_server, self._settings.limits),
            open_streams=self._open_streams,
        )

    def _make_admission(self, large_work: LargeWork) -> Admission:
        keep_seconds = self._settings.inspector.inspector_refusal_seconds
        refusals = Refusals(keep_seconds=keep_seconds, clock=self._clock)
        return Admission(
            catalog=self._catalog,
            library=CircuitLibrary(self._transactions, self._reader, refusals),
            inspectors=self._inspectors,
            noise_models=NoiseModels(
                self._transactions, self._inspectors, max_inline_bytes=self._settings.limits.max_metadata_bytes
            ),
            registry=self._registry,
            settings=self._settings,
            clock=self._clock,
            large_work=large_work,
        )


def _inspector_spawner(forkserver: Forkserver, settings: Settings) -> Callable[[], Inspector]:
    limits = Limits(memory_bytes=settings.inspector.inspector_memory_mib * MIB)
    environment = {"QSERVER_MAX_IMPORTER_CIRCUIT_BYTES": str(settings.limits.max_importer_circuit_bytes)}
    return partial(spawn_plugin_process, forkserver, limits, environment=environment)
