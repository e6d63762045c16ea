"""The forkserver's process as the service sees it: started by exec, asked for children, stopped."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import structlog

from qserver.errors import Unavailable
from qserver.sandbox.cpu_time import cpu_seconds, stood_still
from qserver.sandbox.errors import PreloadFailed
from qserver.sandbox.folders import HeldFolder, remove_abandoned
from qserver.sandbox.process import ChildProcess
from qserver.sandbox.spawning import MAX_MESSAGE_BYTES, Ready, Setup, SpawnRequest, Started

_log = structlog.get_logger(__name__)

_START_SECONDS = 120.0  # loading Qiskit and Aer takes 0.35 s warm, and many times that from a cold disk
_SPAWN_SECONDS = 30.0
_STOP_SECONDS = 10.0

_BOOTSTRAP = (
    "import sys; control, service, *sys.path = sys.argv[1:]; "
    "from qserver.sandbox.server import main; main(int(control), int(service))"
)

_HANDED_ON = ("PATH", "LD_LIBRARY_PATH", "TZ")
"""What a forkserver sees of the service's own variables. None may ever hold a secret."""

_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "LANG": "C.UTF-8",
        # Pools of threads that libraries start when they are loaded would not survive the fork.
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
    }
)


class ServerGone(Exception):  # noqa: N818 - never leaves the sandbox
    """The forkserver died before it could start the child."""


class ServerProcess:
    """A running forkserver. `ask` is safe for many threads: a message goes as a whole, and each has its own answer."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, folder: HeldFolder) -> None:
        """Take over a process that was just started."""
        self._process = process
        self._control = control
        self._folder = folder

    @classmethod
    def launch(cls, preload: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start a forkserver and wait until it has loaded everything.

        Raises PreloadFailed, and OSError where our own interpreter can't be run.
        """
        remove_abandoned()
        folder = HeldFolder.make()
        control, its_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(folder.remove)
            on_failure.enter_context(control)
            with its_control:
                server = cls(_exec(its_control, folder.path, environment), control, folder)
            on_failure.callback(server.stop)
            server._await_ready(preload)
            on_failure.pop_all()
        return server

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def make_folder(self) -> Path:
        """Make a folder for one child. Raises ServerGone where the forkserver has cleared up for good."""
        try:
            return Path(tempfile.mkdtemp(dir=self._folder.path))
        except FileNotFoundError as error:
            raise ServerGone from error

    def ask(self, request: SpawnRequest) -> ChildProcess:
        """Have a child started. Raises ServerGone, and Unavailable where the machine has no room for a process."""
        with contextlib.ExitStack() as on_failure:
            channel, its_channel = socket.socketpair()
            lifeline, its_lifeline = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            on_failure.enter_context(channel)
            on_failure.enter_context(lifeline)
            used_before = cpu_seconds(self._process.pid)
            with its_channel, its_lifeline:
                self._send(request, its_channel, its_lifeline)
            try:
                pid, pid_descriptor = _await_started(lifeline)
            except TimeoutError as error:
                self._end_if_still(used_before)
                raise Unavailable(f"the forkserver did not start a process within {_SPAWN_SECONDS:.0f} s") from error
            on_failure.pop_all()
        return ChildProcess(
            pid=pid,
            pid_descriptor=pid_descriptor,
            channel=channel,
            lifeline=lifeline,
            folder=Path(request.folder),
        )

    def stop(self) -> None:
        """Hang up, which ends the forkserver and its children, and see it gone."""
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _log.warning("forkserver_killed", reason="it did not end by itself")
            self._process.kill()
            self._process.wait()
        self._folder.remove()

    def _end_if_still(self, used_before: float | None) -> None:
        """Kill a forkserver that has done nothing, though it looks after its children. Raises ServerGone then."""
        if stood_still(used_before, cpu_seconds(self._process.pid)):
            _log.warning("forkserver_killed", reason="it stood still")
            self._process.kill()
            raise ServerGone

    def _await_ready(self, preload: Sequence[str]) -> None:
        names = ", ".join(preload) or "nothing"
        self._control.settimeout(_START_SECONDS)
        try:
            self._control.send(Setup(preload=tuple(preload), folder=str(self._folder.path)).encode())
            message = self._control.recv(MAX_MESSAGE_BYTES)
        except TimeoutError as error:
            raise PreloadFailed(f"loading {names} took more than {_START_SECONDS:.0f} s") from error
        except OSError:
            message = b""
        fault = Ready.decode(message).error if message else f"the forkserver died while it loaded {names}"
        if fault:
            raise PreloadFailed(fault)

    def _send(self, request: SpawnRequest, *far_ends: socket.socket) -> None:
        data = request.encode()
        try:
            socket.send_fds(self._control, [data], [end.fileno() for end in far_ends])
        except TimeoutError as error:
            raise Unavailable(f"the forkserver took no request for {_START_SECONDS:.0f} s") from error
        except OSError as error:
            raise ServerGone from error


def _exec(control: socket.socket, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # -I: neither PYTHON... variables nor the working folder decide what is imported. The path is ours, made absolute.
    path = [str(Path(entry).absolute()) for entry in (_repository(), *sys.path)]
    arguments = [sys.executable, "-I", "-c", _BOOTSTRAP, str(control.fileno()), str(os.getpid()), *path]
    handed_on = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
        arguments,
        env={**handed_on, **_ENVIRONMENT, "HOME": str(folder), "TMPDIR": str(folder), **environment},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(control.fileno(),),
        start_new_session=True,
    )


def _repository() -> str:
    """Give the folder that holds the package this module belongs to."""
    return str(Path(__file__).parents[2])


def _await_started(lifeline: socket.socket) -> tuple[int, int]:
    lifeline.settimeout(_SPAWN_SECONDS)
    try:
        data, descriptors, _, _ = socket.recv_fds(lifeline, MAX_MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
    except TimeoutError:
        raise
    except OSError as error:
        raise ServerGone from error
    if not data:
        raise ServerGone
    started = Started.decode(data)
    if started.error:
        raise Unavailable(f"no process could be started: {started.error}")
    return started.pid, descriptors[0]
