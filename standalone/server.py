"""All services in one process, on SQLite and a queue in memory."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import structlog
from pydantic import SecretStr

from database import Database
from janitor.service import Janitor
from jobs_server.service import JobsServer
from plugins.registry import PRELOADED_MODULES
from qserver.broker.memory import MemoryBroker
from qserver.errors import SettingsError
from qserver.sandbox.folders import HeldFolder
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Section, Settings
from rest_api.service import RestApi
from standalone.data_folder import DATABASE_FILE
from standalone.first_key import FirstKey
from standalone.options import LOOPBACK, Options
from worker.service import Worker

log = structlog.get_logger(__name__)

MAX_SOCKET_PATH_BYTES = 103  # of Unix sockets: on Linux 107, elsewhere these
LEASE_SECONDS = 7 * 86_400.0
"""A laptop that sleeps renews no lease, and must find its jobs still running when it wakes. Nobody else could run them:
whoever fails here ends the process, and the next one takes all leases back when it starts."""


def standalone_settings(settings: Settings, options: Options) -> Settings:
    """Point settings from the environment at one process, one folder and one address."""
    folder = options.data_folder
    database_url = SecretStr(f"sqlite:///{folder / DATABASE_FILE}")
    grpc = {"grpc_host": options.host, "grpc_port": options.grpc_port}
    names = (*settings.rest_api.http_allowed_hosts, *_own_names(options.host))
    http = {"http_host": options.host, "http_port": options.http_port, "http_allowed_hosts": names}
    return settings.model_copy(
        update={
            "database": settings.database.model_copy(update={"database_url": database_url}),
            "jobs_server": settings.jobs_server.model_copy(update=_given(grpc)),
            "rest_api": settings.rest_api.model_copy(update=_given(http)),
            "lease": settings.lease.model_copy(update=_unset(settings.lease, {"lease_seconds": LEASE_SECONDS})),
            "plugins": settings.plugins.model_copy(
                update=_unset(settings.plugins, {"plugin_folder": folder / "plugins"})
            ),
            "logs": settings.logs.model_copy(update=_unset(settings.logs, _preferred_logs(options))),
        }
    )


def _require_short(path: Path) -> None:
    """Raise SettingsError for a path that no socket can have."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise SettingsError(f"{path} is too long a name for a socket; let TMPDIR name a folder with a shorter one")


def _own_names(host: str) -> tuple[str, ...]:
    """Give what people call this machine by, where others may come in: its address, or its name where that is any."""
    if host == LOOPBACK:
        return ()
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not listened on
        name = socket.gethostname().lower()
        return (name, f"{name}.local")
    return (f"[{host}]" if ":" in host else host,)


def _preferred_logs(options: Options) -> Mapping[str, object]:
    """Speak to a person: in colours, into a file too, and only of trouble in a demonstration."""
    level = {"log_level": "warning"} if options.command == "demo" else {}
    return {"log_format": "console", "log_folder": options.data_folder / "logs", **level}


def _given(values: Mapping[str, object]) -> Mapping[str, object]:
    """Leave out what the command line didn't say."""
    return {name: value for name, value in values.items() if value is not None}


def _unset(section: Section, values: Mapping[str, object]) -> Mapping[str, object]:
    """Leave out what the environment says already."""
    return {name: value for name, value in values.items() if name not in section.model_fields_set}


class StandaloneServer:
    """The same services that are deployed one by one, started in the order in which they need each other."""

    def __init__(self, settings: Settings, data_folder: Path, *, on_failure: Callable[[], None]) -> None:
        """Build everything; nothing listens or runs before `start`. Keeps a key of the administrator in `data_folder`.

        Raises SettingsError where nobody would be asked for a key and other machines could come in.

        `on_failure` is called, from a thread, when the worker can't go on: the server must then be stopped.
        """
        self._settings = settings
        self._first_key = FirstKey(settings.access, data_folder)
        self._forkserver = Forkserver(preload=PRELOADED_MODULES)
        self._database = Database.open(settings.database)
        self._broker = MemoryBroker()
        # HTTP hands submissions on by a socket that nobody else can reach: so it is believed where they came from.
        self._folder = HeldFolder.make()
        self._inner_door = self._folder.path / "door"
        with ExitStack() as on_refusal:
            on_refusal.callback(self._folder.remove)
            _require_short(self._inner_door)
            self._jobs_server = JobsServer(
                settings, self._database, self._broker, self._forkserver, inner_door=self._inner_door
            )
            on_refusal.pop_all()
        self._worker = Worker(settings, self._database, self._broker, self._forkserver, on_failure=on_failure)
        self._janitor = Janitor(settings, self._database)
        self._rest_api: RestApi | None = None

    @property
    def grpc_port(self) -> int:
        """The port that gRPC is served on."""
        return self._jobs_server.port

    @property
    def http_port(self) -> int:
        """The port that HTTP is served on. Raises RuntimeError before `start`."""
        if self._rest_api is None:
            raise RuntimeError("the server was not started")
        return self._rest_api.port

    @property
    def key_file(self) -> Path | None:
        """Where the administrator's key is; None where nobody is asked for one, or the settings name it."""
        return self._first_key.path

    @property
    def refuses_keys_of_others(self) -> bool:
        """Whether other machines can come in, and their keys are refused because there is no TLS here."""
        access, host = self._settings.access, self._settings.rest_api.http_host
        return access.auth == "required" and host != LOOPBACK and not access.cleartext_keys

    @property
    def key(self) -> str:
        """The administrator's key; empty where nobody is asked for one. Known from `start` on."""
        return self._first_key.key

    async def start(self) -> None:
        """Migrate the database, take back what an earlier process left, and serve."""
        self._forkserver.start()
        await asyncio.to_thread(self._database.upgrade)
        await asyncio.to_thread(self._take_back)
        await asyncio.to_thread(self._first_key.store, self._database)
        await self._jobs_server.start()
        # HTTP tells clients who ask which port gRPC really got.
        rest_settings = self._settings.rest_api.model_copy(
            update={"jobs_server_address": f"unix:{self._inner_door}", "advertised_grpc_port": self._jobs_server.port}
        )
        self._rest_api = RestApi(
            self._settings.model_copy(update={"rest_api": rest_settings}),
            self._database,
            broker_probe=self._broker.ping,
        )
        await self._rest_api.start()
        await asyncio.to_thread(self._worker.start)
        self._janitor.start()
        log.info("standalone_started", grpc_port=self.grpc_port, http_port=self.http_port)

    def _take_back(self) -> None:
        """Let jobs run again that a process which was killed had claimed or published.

        Whoever owns the data folder knows that no other worker lives: no lease needs to be waited for.
        """
        with self._database.transaction() as transaction:
            returned = transaction.jobs.abandon_leases()
            transaction.dispatch.unpublish(None, older_than_seconds=0)
            transaction.workers.remove_all()
        if returned:
            log.info("jobs_taken_back", jobs=len(returned))

    @property
    def has_failed(self) -> bool:
        """Whether the worker ended by a fault of its own."""
        return self._worker.has_failed

    async def hurry(self) -> None:
        """Let a `stop` that is under way give running jobs back now: they run again at the next start."""
        self._worker.hurry()
        if self._rest_api is not None:
            await self._rest_api.hurry()
        await self._jobs_server.hurry()

    async def stop(self) -> None:
        """End in reverse order: nothing new comes in, running jobs end or go back, then the rest."""
        await asyncio.to_thread(self._janitor.stop)
        if self._rest_api is not None:
            await self._rest_api.stop()
        await self._jobs_server.stop()
        await asyncio.to_thread(self._worker.stop)
        self._forkserver.close()
        self._broker.close()
        self._database.close()
        self._folder.remove()
        log.info("standalone_stopped")
