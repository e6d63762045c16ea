"""File plugins on this worker: which are registered, which are ready here, and what jobs are told while they wait."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event
from uuid import UUID

import structlog

from database import Change, ChangeKind, Database
from database.records import PluginKind
from plugins.file_plugin.installer import FilePluginHost
from qserver.errors import Reason, Unavailable
from qserver.plugins import FilePluginPin, InstallState, PluginInstallation, file_plugin_route
from worker.runs import SimulatorProcess

LOOK_SECONDS = 2.0

log = structlog.get_logger(__name__)


class FilePlugins:
    """Keeps the environments on this machine equal to what the database lists, and tells how far they are."""

    def __init__(
        self,
        host: FilePluginHost,
        database: Database,
        *,
        worker_id: UUID,
        live_within_seconds: float,
        due: Event,
        on_change: Callable[[], None],
    ) -> None:
        """Look when `due` is set, which `host` does too; call `on_change` when what is ready here changes."""
        self._host = host
        self._database = database
        self._worker_id = worker_id
        self._live_within_seconds = live_within_seconds
        self._on_change = on_change
        self._due = due
        self._is_stopping = False
        self._known: Mapping[str, PluginInstallation] = {}

    def installations(self) -> Mapping[str, PluginInstallation]:
        """Tell how far each registered plugin is, by name."""
        return self._known

    def ready(self) -> frozenset[str]:
        """Name the plugins whose jobs can be run here."""
        return frozenset(name for name, each in self._known.items() if each.state is InstallState.READY)

    def spawn(self, plugin: str) -> SimulatorProcess:
        """Start a process of a plugin that is ready. Raises a QServerError where it can't."""
        return self._host.spawn(plugin)

    def notice(self, change: Change) -> None:
        """Look soon if plugins changed. Called by the feed's thread."""
        if change.kind in {ChangeKind.PLUGINS, ChangeKind.RECONNECTED}:
            self._due.set()

    def serve(self) -> None:
        """Follow the database until `stop`."""
        while not self._is_stopping:
            try:
                self.look()
            except Unavailable as error:
                log.warning("plugins_not_read", error=error.message)
            self._due.wait(LOOK_SECONDS)
            self._due.clear()

    def stop(self) -> None:
        """Let `serve` return."""
        self._is_stopping = True
        self._due.set()

    def look(self) -> None:
        """Read what is registered, start what is to be installed, and tell waiting jobs. Raises Unavailable."""
        self._host.sync(self._registered())
        known = dict(self._host.installations())
        for name, installation in known.items():
            self._tell_waiting_jobs(name, installation, is_news=installation != self._known.get(name))
        if known != self._known:
            self._known = known
            self._on_change()

    def close(self) -> None:
        """Stop installing and free the plugin folder. Safe to repeat."""
        self._host.close()

    def _registered(self) -> Sequence[FilePluginPin]:
        with self._database.reading() as transaction:
            records = transaction.plugins.list()
        return [
            FilePluginPin(name=record.name, version=record.version)
            for record in records
            if record.kind is PluginKind.FILE
        ]

    def _tell_waiting_jobs(self, plugin: str, installation: PluginInstallation, *, is_news: bool) -> None:
        message = installation.message or f"plugin {plugin} is {installation.state}"
        match installation.state:
            case InstallState.INSTALLING if not self._others_serve(plugin, {InstallState.READY}):
                with self._database.transaction() as transaction:
                    transaction.jobs.set_waiting_reason(plugin, Reason.PLUGIN_INSTALLING, message)
            case InstallState.FAILED if not self._others_serve(plugin, {InstallState.READY, InstallState.INSTALLING}):
                with self._database.transaction() as transaction:
                    transaction.jobs.fail_waiting(plugin, Reason.PLUGIN_UNAVAILABLE, message)
            case InstallState.READY if is_news:
                with self._database.transaction() as transaction:
                    transaction.jobs.set_waiting_reason(plugin, None, None)
            case _:
                return

    def _others_serve(self, plugin: str, states: set[InstallState]) -> bool:
        with self._database.reading() as transaction:
            workers = transaction.workers.list(live_within_seconds=self._live_within_seconds)
        return any(
            worker.id != self._worker_id
            and plugin in worker.installations
            and worker.installations[plugin].state in states
            for worker in workers
        )


def routes_of(plugins: frozenset[str]) -> frozenset[str]:
    """Name the routes by which jobs of file plugins come."""
    return frozenset(map(file_plugin_route, plugins))
