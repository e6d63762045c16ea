"""A worker's file plugins: builds environments in the background, removes those of deleted plugins, starts processes.

registered plugins --sync--> Installations --thread--> Environment.build (pip), Slot.discard
                                  |
                                  `--spawn--> FilePluginProcess
"""

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Self

import structlog

import qserver
from plugins.file_plugin.allow_list import AllowList
from plugins.file_plugin.environment import Environment
from plugins.file_plugin.installations import Installations
from plugins.file_plugin.names import import_name
from plugins.file_plugin.pip_process import PipSession
from plugins.file_plugin.process import FilePluginProcess
from qserver.errors import ExecutionError, QServerError, Reason, Unavailable
from qserver.plugin_folder import Slot, environment_name
from qserver.plugins import FilePluginPin, InstallState, PluginInstallation
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits, interpreter_paths
from qserver.settings import PluginSettings

_RUNNER = Path(__file__).with_name("runner.py")

_ENVIRONMENT = {
    # As in `worker.environment`: Aer's path for several threads, held to one, is faster than its path for one.
    "OMP_NUM_THREADS": "2",
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
"""A file plugin is planned for one core and no GPU: others run beside it."""

log = structlog.get_logger(__name__)


class FilePluginHost:
    """File plugins of one worker. Thread-safe. Holds a slot of the plugin folder until `close`."""

    def __init__(
        self,
        settings: PluginSettings,
        forkserver: Forkserver,
        *,
        limits: Limits,
        on_change: Callable[[], None] = lambda: None,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a slot and wait for `sync`. `on_change` is called, by the installer's thread, when a report changed."""
        self._settings = settings
        self._allow_list = AllowList(settings)
        self._forkserver = forkserver
        self._limits = limits
        self._on_change = on_change
        self._now = monotonic_seconds
        self._slot = Slot.acquire(settings.plugin_folder)
        self._changed = Condition()
        self._installations = Installations()
        self._processes: list[FilePluginProcess] = []
        self._session: tuple[FilePluginPin, PipSession] | None = None
        self._immovable: set[str] = set()  # names of environments that could not be removed
        self._is_closed = False
        self._thread = Thread(target=self._serve, name="file-plugin-installer", daemon=True)
        self._thread.start()

    def sync(self, registered: Collection[FilePluginPin]) -> None:
        """Serve exactly the registered plugins: build what is missing, remove what is too much. Returns at once."""
        ready = [pin for pin in registered if self._environment(pin).is_ready]
        with self._changed:
            self._installations.want(registered, ready, now=self._now())
            if self._session is not None and self._session[0] not in self._installations.pins():
                self._session[1].kill()
            self._changed.notify_all()

    def installations(self) -> Mapping[str, PluginInstallation]:
        """Report how far each registered plugin is."""
        with self._changed:
            return self._installations.report()

    def spawn(self, plugin: str) -> FilePluginProcess:
        """Start a process of a plugin that is ready; the caller closes it.

        Raises Unavailable while the plugin is being installed, ExecutionError where it is not registered or can't be
        installed, and what the forkserver raises.
        """
        with self._changed:
            pin = self._ready_pin(plugin)
            child = self._forkserver.start_program(self._command(pin), self._limits_of(pin), _ENVIRONMENT)
            process = FilePluginProcess(pin, child)
            self._processes = [process, *(other for other in self._processes if other.is_alive)]
        return process

    def close(self) -> None:
        """Stop installing, kill what runs, and let another worker have the slot. Safe to repeat."""
        with self._changed:
            self._is_closed = True
            if self._session is not None:
                self._session[1].kill()
            for process in self._processes:
                process.kill()
            self._changed.notify_all()
        self._thread.join()
        self._slot.close()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _environment(self, pin: FilePluginPin) -> Environment:
        return Environment(pin, self._slot.folder / environment_name(pin))

    def _ready_pin(self, plugin: str) -> FilePluginPin:
        match self._installations.find(plugin):
            case (pin, PluginInstallation(state=InstallState.READY)):
                return pin
            case (_, PluginInstallation(state=InstallState.INSTALLING)):
                raise Unavailable(f"plugin {plugin} is still being installed", reason=Reason.PLUGIN_INSTALLING)
            case (_, PluginInstallation(message=message)):
                raise ExecutionError(f"plugin {plugin} can't be installed: {message}", reason=Reason.PLUGIN_UNAVAILABLE)
            case _:
                raise ExecutionError(f"plugin {plugin} is not registered", reason=Reason.PLUGIN_UNAVAILABLE)

    def _limits_of(self, pin: FilePluginPin) -> Limits:
        """Let it read Python, the little that we lend it, and its own environment: no other plugin's, and no data."""
        readable_paths = (*interpreter_paths(), os.fspath(self._environment(pin).folder))
        # Plugins of the original service may have their own ways to run programs.
        return replace(self._limits, network=False, may_start_processes=True, readable_paths=readable_paths)

    def _command(self, pin: FilePluginPin) -> Sequence[str]:
        python = os.fspath(self._environment(pin).python)
        return [python, "-I", os.fspath(_RUNNER), os.fspath(Path(qserver.__file__).parent), import_name(pin.name)]

    def _serve(self) -> None:
        """Remove and build, one at a time, until `close`."""
        self._slot.empty_trash()  # of a process that was killed while it removed something
        while self._wait_for_work():
            self._remove_unwanted()
            self._build_next()

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not self._is_closed and not self._unwanted() and self._installations.due(now=self._now()) is None:
                self._changed.wait(self._installations.seconds_until_due(now=self._now()))
            return not self._is_closed

    def _unwanted(self) -> Collection[Path]:
        if not self._installations.is_told:
            return ()
        staying = {environment_name(pin) for pin in self._installations.pins()} | self._immovable
        return [folder for folder in self._slot.environments() if folder.name not in staying]

    def _remove_unwanted(self) -> None:
        with self._changed:
            for folder in self._unwanted():
                self._end_processes_in(folder)
                self._discard(folder)
        self._slot.empty_trash()

    def _discard(self, folder: Path) -> None:
        try:
            self._slot.discard(folder)
        except OSError as error:
            self._immovable.add(folder.name)  # or this thread would try for ever
            log.warning("file_plugin_not_removed", environment=folder.name, error=str(error))
        else:
            log.info("file_plugin_removed", environment=folder.name)

    def _end_processes_in(self, folder: Path) -> None:
        for process in self._processes:
            if environment_name(process.pin) == folder.name:
                process.kill()

    def _build_next(self) -> None:
        with self._changed:
            pin = self._installations.due(now=self._now())
            if pin is None or self._is_closed:
                return
            session = PipSession(timeout_seconds=self._settings.plugin_install_seconds)
            self._session = (pin, session)
        failure = self._build(pin, session)
        with self._changed:
            self._session = None
            self._note(pin, failure)
        self._on_change()

    def _build(self, pin: FilePluginPin, session: PipSession) -> str | None:
        """Give why it failed, None where it didn't."""
        log.info("file_plugin_installing", plugin=pin.name, version=pin.version)
        environment = self._environment(pin)
        try:
            if environment.folder.exists():  # half-built, or of another Python
                self._slot.discard(environment.folder)
                self._slot.empty_trash()
            allowed = self._allow_list.pin_of(pin.name, pin.version)
            environment.build(session, allowed, wheel_folder=self._settings.plugin_wheel_folder)
        except QServerError as error:
            return error.message
        except OSError as error:
            return f"its environment can't be written: {error.strerror or error}"
        return None

    def _note(self, pin: FilePluginPin, failure: str | None) -> None:
        if self._is_closed or pin not in self._installations.pins():
            return  # it was stopped on purpose
        if failure is None:
            log.info("file_plugin_ready", plugin=pin.name, version=pin.version)
            self._installations.succeed(pin)
        else:
            log.warning("file_plugin_failed", plugin=pin.name, version=pin.version, error=failure)
            self._installations.fail(pin, failure, now=self._now())
