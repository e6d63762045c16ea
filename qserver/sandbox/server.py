"""The forkserver itself: a small process of one thread that starts children, watches their memory and buries them.

Started by `forkserver.Forkserver` with a clean environment. It has never seen a secret, so no child inherits one.
"""

import contextlib
import importlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from qserver.collector import CHILD_ROUNDS, spare_what_is_loaded
from qserver.sandbox.birth import run_child
from qserver.sandbox.burial import ChildRecord
from qserver.sandbox.folders import remove_folder
from qserver.sandbox.memory import Use, kernel_oom_kills, use_of, use_of_sessions
from qserver.sandbox.prctl import adopt_orphans, hide_from_others
from qserver.sandbox.spawning import MAX_MESSAGE_BYTES, Ready, Setup, SpawnRequest, Started

_WATCH_SECONDS = 0.2  # one that allocates 5 GB/s passes its limit by 1 GB before it is seen; RLIMIT_DATA is faster
_SWEEP_SECONDS = 0.5  # what children started themselves is counted more seldom: it takes a walk over /proc
_READ_BYTES = 64 * 1024
_DESCRIPTORS_OF_A_REQUEST = 2


def main(control_descriptor: int, service: int) -> None:
    """Load what the service asks for, then start children until it ends. Called by the fresh process's command line."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when its service does, and not a moment earlier
    adopt_orphans()
    hide_from_others()
    with socket.socket(fileno=control_descriptor) as control:
        request = control.recv(MAX_MESSAGE_BYTES)
        if not request:
            return  # the service died before it asked for anything
        setup = Setup.decode(request)
        error = preload(setup.preload)
        # A service that died while modules were loaded hears nothing; the loop sees that and ends at once.
        with contextlib.suppress(BrokenPipeError):
            control.send(Ready(error=error).encode())
        if not error:
            ForkLoop(control, service=service).run()
    remove_folder(Path(setup.folder))  # the service may have died without a chance to do it


def preload(modules: Sequence[str]) -> str:
    """Load modules for all children to share. Gives a sentence on what went wrong, or nothing."""
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001 - whatever a library does at import must be told, not end us
            return f"{module} can't be loaded: {type(error).__name__}: {error}"
    threads = len(tuple(Path("/proc/self/task").iterdir()))
    if threads > 1:
        return f"loading {', '.join(modules)} started {threads - 1} threads: a process with threads can't safely fork"
    # The collector would otherwise write to every object, and so unshare every page.
    spare_what_is_loaded(rounds=CHILD_ROUNDS)
    return ""


class ForkLoop:
    """Waits for requests, output and deaths, and acts on each."""

    def __init__(self, control: socket.socket, *, service: int) -> None:
        """Serve what comes over `control` for as long as the process `service` lives."""
        self._control = control
        self._service = service
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, ChildRecord] = {}
        self._is_over = False
        self._next_sweep = 0.0

    def run(self) -> None:
        """Serve until the service hangs up or dies; then kill all children."""
        wake_reader = self._wake_on_deaths()
        descriptors = (wake_reader, *self._watch_service())
        self._on_readable(self._control.fileno(), self._take_request)
        try:
            while not self._is_over:
                self._handle_events()
                self._watch(time.monotonic())
        finally:
            for record in tuple(self._children.values()):
                record.kill()
                self._bury(record)
            self._selector.close()
            for descriptor in descriptors:
                os.close(descriptor)

    def _wake_on_deaths(self) -> int:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._on_readable(reader, partial(self._reap, reader))
        return reader

    def _watch_service(self) -> Iterator[int]:
        """See the service's end even where somebody else holds a copy of its end of the control socket.

        Gives the descriptor to close in the end, where there is one.
        """
        try:
            descriptor = os.pidfd_open(self._service)
        except ProcessLookupError:  # it died while modules were loaded
            self._stop()
            return
        self._on_readable(descriptor, self._stop)
        if os.getppid() != self._service:  # it died earlier: the descriptor may be of another process
            self._stop()
        yield descriptor

    def _stop(self) -> None:
        self._is_over = True

    def _on_readable(self, descriptor: int, react: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, react)

    def _handle_events(self) -> None:
        for key, _ in self._selector.select(_WATCH_SECONDS if self._children else None):
            if self._selector.get_map().get(key.fd) is key:  # else what it belongs to was buried a moment ago
                react: Callable[[], None] = key.data
                react()

    def _take_request(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(
            self._control, MAX_MESSAGE_BYTES, _DESCRIPTORS_OF_A_REQUEST, socket.MSG_CMSG_CLOEXEC
        )
        if not data:
            self._stop()
            return
        channel, lifeline_descriptor = descriptors
        lifeline = socket.socket(fileno=lifeline_descriptor)
        try:
            self._spawn(SpawnRequest.decode(data), channel, lifeline)
        except OSError as error:  # no memory or no process ids left
            with contextlib.suppress(OSError), lifeline:
                lifeline.send(Started(error=str(error)).encode())
        finally:
            os.close(channel)

    def _spawn(self, request: SpawnRequest, channel: int, lifeline: socket.socket) -> None:
        errors_reader, errors_writer = os.pipe2(os.O_CLOEXEC)
        forkserver, kills_before = os.getpid(), kernel_oom_kills()
        try:
            pid = os.fork()
            if pid == 0:
                run_child(request, forkserver=forkserver, channel=channel, standard_error=errors_writer)
        except OSError:
            os.close(errors_reader)
            raise
        finally:
            os.close(errors_writer)
        os.set_blocking(errors_reader, False)
        record = ChildRecord(
            pid=pid,
            lifeline=lifeline,
            errors_reader=errors_reader,
            memory_limit_bytes=_watched_limit(request),
            max_tasks=request.limits.tasks,
            has_company=request.limits.may_start_processes,
            kernel_kills_before=kills_before,
        )
        self._children[pid] = record
        self._on_readable(errors_reader, partial(self._listen, record))
        self._on_readable(lifeline.fileno(), partial(self._let_go, record))
        record.announce()

    def _listen(self, record: ChildRecord) -> None:
        if not record.hear(_READ_BYTES):
            self._selector.unregister(record.errors_reader)

    def _let_go(self, record: ChildRecord) -> None:
        """Kill a child whose owner hung up. How it ended is still told, where the owner listens."""
        self._selector.unregister(record.lifeline.fileno())
        record.kill()

    def _watch(self, now: float) -> None:
        for record in self._children.values():
            record.kill_if_above(use_of(record.pid))
        in_company = [record for record in self._children.values() if record.has_company]
        if in_company and now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            by_session = use_of_sessions({record.pid for record in in_company})
            for record in in_company:
                record.kill_if_above(by_session.get(record.pid, Use()))

    def _reap(self, wake_reader: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(wake_reader, _READ_BYTES)
        with contextlib.suppress(ChildProcessError):
            while (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                record = self._children.get(dead.si_pid)
                if record is None:  # an orphan: something that a child started
                    os.waitpid(dead.si_pid, 0)
                else:
                    self._bury(record)

    def _bury(self, record: ChildRecord) -> None:
        for descriptor in (record.errors_reader, record.lifeline.fileno()):
            with contextlib.suppress(KeyError):  # it was let go already
                self._selector.unregister(descriptor)
        del self._children[record.pid]
        record.bury()


def _watched_limit(request: SpawnRequest) -> int | None:
    if request.limits.memory_bytes is None:
        return None
    return request.limits.memory_bytes + use_of(os.getpid()).memory_bytes  # a forked child shares what is loaded here
