"""The forkserver's own life: it starts, heals, cleans up, and takes its children with it."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from qserver.errors import Unavailable
from qserver.sandbox import server_process
from qserver.sandbox.errors import ChildDied, PreloadFailed
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from qserver.sandbox.process import ChildProcess
from qserver.sandbox.spawning import Setup
from tests.processes import descriptors_of, is_running, parent_of
from tests.unit.sandbox.calls import call
from tests.unit.sandbox.conftest import ENTRY, Spawn
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[3]
SERVICE = """
import sys, threading
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits

forkserver = Forkserver()
children = [forkserver.spawn("tests.unit.sandbox.children:main", Limits(may_start_processes=True)) for _ in range(3)]
grandchild = children[0].call("start_grandchild", b"", timeout_seconds=20, max_reply_bytes=100)
folder = children[0]._folder.parent
print(folder, int(grandchild), *(child.pid for child in children), flush=True)
threading.Event().wait()
"""


def run_server(channel: socket.socket, *, service_pid: int) -> subprocess.CompletedProcess[bytes]:
    """Run a forkserver's process to its end; `channel` leads to its service."""
    program = f"from qserver.sandbox.server import main; main({channel.fileno()}, {service_pid})"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        pass_fds=[channel.fileno()],
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_a_service_killed_without_warning_takes_everything_with_it() -> None:
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert service.stdout is not None
    folder, *pids = service.stdout.readline().split()
    assert all(is_running(int(pid)) for pid in pids)

    service.kill()
    service.wait()

    wait_until(lambda: not any(is_running(int(pid)) for pid in pids), what="the children's end")
    wait_until(lambda: not Path(folder).exists(), what="the folder's end")
    service.stdout.close()


def test_a_forkserver_that_was_killed_takes_its_children_and_is_replaced() -> None:
    with Forkserver() as forkserver:
        child = forkserver.spawn(ENTRY, Limits(may_start_processes=True))
        grandchild = int(call(child, "start_grandchild"))

        os.kill(parent_of(child.pid), signal.SIGKILL)

        with pytest.raises(ChildDied, match="ended in an unknown way"):
            call(child, "sleep")
        wait_until(lambda: not is_running(grandchild), what="the grandchild's end")
        child.close()
        with forkserver.spawn(ENTRY, Limits()) as successor:
            assert call(successor, "echo", b"healed") == b"healed"


def test_a_forkserver_that_dies_while_it_is_asked_is_replaced(forkserver: Forkserver) -> None:
    with forkserver.spawn(ENTRY, Limits()) as child:
        server = parent_of(child.pid)
        os.kill(server, signal.SIGSTOP)  # it takes the request, and never answers
        asked = threading.Thread(target=lambda: successors.append(forkserver.spawn(ENTRY, Limits())))
        successors: list[ChildProcess] = []
        asked.start()

        os.kill(server, signal.SIGKILL)
        asked.join(timeout=20)

    with successors[0] as successor:
        assert call(successor, "echo", b"healed") == b"healed"


@pytest.mark.skipif(os.geteuid() != 0, reason="a forkserver hides its descriptors from all but root")
def test_a_forkserver_that_stands_still_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with Forkserver() as forkserver:
        old = forkserver.spawn(ENTRY, Limits())
        frozen = parent_of(old.pid)

        def await_started(lifeline: socket.socket) -> tuple[int, int]:
            if is_running(frozen):
                raise TimeoutError  # at once: it can't answer
            return real(lifeline)

        real = server_process._await_started
        monkeypatch.setattr(server_process, "_await_started", await_started)
        os.kill(frozen, signal.SIGSTOP)

        with forkserver.spawn(ENTRY, Limits()) as child:
            assert call(child, "echo", b"hello") == b"hello"
            assert parent_of(child.pid) != frozen
        old.close()


def test_the_forkserver_closes_what_belonged_to_its_children(forkserver: Forkserver) -> None:
    with forkserver.spawn(ENTRY, Limits()) as first:
        server = parent_of(first.pid)
    before = len(descriptors_of(server))

    for _ in range(20):
        forkserver.spawn(ENTRY, Limits()).close()

    # It does so a moment after a child has gone: the first one's may have been counted.
    wait_until(lambda: len(descriptors_of(server)) <= before, what="its descriptors are closed")


def test_closing_ends_every_child_and_removes_the_folder() -> None:
    forkserver = Forkserver()
    child = forkserver.spawn(ENTRY, Limits())
    call(child, "echo")

    forkserver.close()
    forkserver.close()

    assert not child.is_alive
    assert not child._folder.parent.exists()
    with pytest.raises(Unavailable, match="closed"):
        forkserver.spawn(ENTRY, Limits())
    child.close()


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("tests.unit.sandbox.nowhere", "nowhere can't be loaded: ModuleNotFoundError: No module named"),
        ("tests.unit.sandbox.preloads.exits", "exits can't be loaded: SystemExit: not today"),
        ("tests.unit.sandbox.preloads.threads", "started 1 threads: a process with threads can't safely fork"),
        ("tests.unit.sandbox.preloads.dies", "the forkserver died while it loaded tests.unit.sandbox.preloads.dies"),
    ],
)
def test_what_can_not_be_preloaded_is_told_in_a_sentence(
    module: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with Forkserver([module]) as forkserver, pytest.raises(PreloadFailed, match=sentence):
        forkserver.start()

    assert list(tmp_path.iterdir()) == []


def test_a_forkserver_that_can_not_be_started_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = descriptors_of("self")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    with Forkserver() as forkserver, pytest.raises(FileNotFoundError):
        forkserver.start()

    assert descriptors_of("self") <= before
    assert list(tmp_path.iterdir()) == []


def test_a_forkserver_ignores_signals_meant_for_its_service(child: ChildProcess) -> None:
    call(child, "echo")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(parent_of(child.pid), number)

    assert call(child, "echo", b"still here") == b"still here"


def test_children_of_another_environment_come_from_another_forkserver(forkserver: Forkserver) -> None:
    with (
        forkserver.spawn(ENTRY, Limits()) as plain,
        forkserver.spawn(ENTRY, Limits(), {"OMP_NUM_THREADS": "3"}) as threaded,
        forkserver.spawn(ENTRY, Limits(), {"QSERVER_OF_OUR_OWN": "3"}) as ours,
    ):
        assert parent_of(threaded.pid) != parent_of(plain.pid)
        assert parent_of(ours.pid) == parent_of(plain.pid)
        assert json.loads(call(ours, "state"))["environment"]["QSERVER_OF_OUR_OWN"] == "3"


def test_the_collector_leaves_what_children_share_alone(forkserver: Forkserver) -> None:
    with forkserver.spawn(ENTRY, Limits()) as child:
        collector = json.loads(call(child, "state"))["collector"]

    assert collector["frozen"] > 1000
    assert collector["new_objects"] > 700


def test_a_request_that_is_too_large_is_refused_and_harms_nobody(forkserver: Forkserver, spawn: Spawn) -> None:
    with pytest.raises(ValueError, match="the limit is 131,072"):
        forkserver.start_program(["true", "x" * 200_000], Limits())

    assert call(spawn(), "echo", b"still here") == b"still here"


@pytest.mark.parametrize("has_asked", [False, True])
def test_a_service_that_dies_while_its_forkserver_starts_leaves_no_trace(tmp_path: Path, *, has_asked: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if has_asked:
        ours.send(Setup(preload=("json",), folder=str(folder)).encode())
    ours.close()

    ended = run_server(theirs, service_pid=os.getpid())

    theirs.close()
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert folder.exists() is not has_asked


def test_a_service_that_is_gone_when_all_is_loaded_leaves_no_trace(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    gone = subprocess.Popen(["true"])
    gone.wait(30)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.send(Setup(preload=("json",), folder=str(folder)).encode())

    ended = run_server(theirs, service_pid=gone.pid)

    ours.close()
    theirs.close()
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert not folder.exists()
