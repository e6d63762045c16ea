"""The service's side of the forkserver: start it, ask it for children, start it again if it dies."""

import platform
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Self

import structlog

from qserver.errors import Unavailable
from qserver.sandbox import landlock, seccomp
from qserver.sandbox.errors import SandboxError
from qserver.sandbox.folders import remove_folder
from qserver.sandbox.limits import Limits
from qserver.sandbox.process import ChildProcess
from qserver.sandbox.server_process import ServerGone, ServerProcess
from qserver.sandbox.spawning import SpawnRequest

_log = structlog.get_logger(__name__)

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})

_OWN_PREFIX = "QSERVER_"
"""Variables that our own code reads, and reads when it needs them: they part no children."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What children of one forkserver process have in common: all that is settled when their libraries are loaded."""

    preload: tuple[str, ...] = ()
    variables: frozenset[tuple[str, str]] = frozenset()


class Forkserver:
    """Starts confined children within milliseconds, whose libraries are loaded already. Safe for many threads.

    A forkserver is a process of its own, started by exec with a clean environment: of the service's variables it sees
    PATH and few others. Libraries read some variables once, when they are loaded (OpenMP its OMP_THREAD_LIMIT), so
    children of another environment come from another process, started when the first of them is wanted: a service
    should know few environments. Other programs come from one that has loaded nothing.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        """Name the modules to load before any child is started."""
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._servers: dict[_Kind, ServerProcess] = {}
        self._is_closed = False

    def start(self, environment: Mapping[str, str] = _NO_VARIABLES) -> None:
        """Start the process for children of this environment, and wait until everything is loaded.

        Does nothing where it runs. Raises PreloadFailed, naming the module and the fault.
        """
        self._running_server(self._kind(environment))

    def spawn(self, entry: str, limits: Limits, environment: Mapping[str, str] = _NO_VARIABLES) -> ChildProcess:
        """Start a child that calls `entry`, "module:function", which is expected to call `child.serve`.

        Starts the forkserver where it doesn't run (any more). An entry that can't be found is told by the first call.
        Raises PreloadFailed, and Unavailable where the machine has no room for another process.
        """
        return self._start_child(
            self._kind(environment),
            lambda folder: SpawnRequest(limits, dict(environment), folder, entry=entry),
        )

    def start_program(
        self, argv: Sequence[str], limits: Limits, environment: Mapping[str, str] = _NO_VARIABLES
    ) -> ChildProcess:
        """Start another program that speaks frames over file descriptor 3; like `spawn` in all else."""
        return self._start_child(
            _Kind(), lambda folder: SpawnRequest(limits, dict(environment), folder, argv=tuple(argv))
        )

    def close(self) -> None:
        """End the forkserver and every child that it has started. Safe to repeat."""
        with self._lock:
            self._is_closed = True
            while self._servers:
                _, server = self._servers.popitem()
                server.stop()

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _kind(self, environment: Mapping[str, str]) -> _Kind:
        foreign = {name: value for name, value in environment.items() if not name.startswith(_OWN_PREFIX)}
        return _Kind(self._preload, frozenset(foreign.items()))

    def _start_child(self, kind: _Kind, describe: Callable[[str], SpawnRequest]) -> ChildProcess:
        for _ in range(2):
            server = self._running_server(kind)
            try:
                return _ask(server, describe)
            except ServerGone:
                self._discard(kind, server)
        raise Unavailable("the forkserver died twice while it started a process")

    def _running_server(self, kind: _Kind) -> ServerProcess:
        with self._lock:
            if self._is_closed:
                raise Unavailable("the forkserver is closed")
            server = self._servers.get(kind)
            if server is None or not server.is_alive:
                self._remove(kind)
                server = self._servers[kind] = _launch(kind)
            return server

    def _discard(self, kind: _Kind, server: ServerProcess) -> None:
        with self._lock:
            if self._servers.get(kind) is server:
                self._remove(kind)

    def _remove(self, kind: _Kind) -> None:
        dead = self._servers.pop(kind, None)
        if dead is not None:
            _log.warning("forkserver_died")
            dead.stop()


def start_program(argv: Sequence[str], limits: Limits, environment: Mapping[str, str] = _NO_VARIABLES) -> ChildProcess:
    """Start a program under a forkserver of its own, which ends with it: for who has none at hand."""
    forkserver = Forkserver()
    try:
        child = forkserver.start_program(argv, limits, environment)
    except BaseException:
        forkserver.close()
        raise
    child.on_close(forkserver.close)
    return child


def _launch(kind: _Kind) -> ServerProcess:
    if sys.platform != "linux":
        raise SandboxError(f"child processes need Linux; this is {sys.platform}")
    if not seccomp.is_supported():
        _log.warning("system_calls_unfiltered", machine=platform.machine())
    if not landlock.version():
        _log.warning("files_unguarded", reason="this kernel has no Landlock")
    return ServerProcess.launch(kind.preload, dict(kind.variables))


def _ask(server: ServerProcess, describe: Callable[[str], SpawnRequest]) -> ChildProcess:
    folder = server.make_folder()
    try:
        return server.ask(describe(str(folder)))
    except BaseException:
        remove_folder(folder)
        raise
