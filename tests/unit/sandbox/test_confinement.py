"""What a child may not do."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from qserver.sandbox import landlock, seccomp
from qserver.sandbox.confinement import OOM_SCORE_ADJUSTMENT
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits, interpreter_paths
from qserver.sandbox.process import ChildProcess
from qserver.sandbox.seccomp import Freedom
from qserver.sandbox.system_calls import MACHINES
from tests.unit.sandbox.calls import MIB, call
from tests.unit.sandbox.conftest import ENTRY, Spawn

REPOSITORY = Path(__file__).parents[3]


def test_this_machine_has_all_walls() -> None:
    assert seccomp.is_supported()
    assert landlock.version() >= 1


def test_a_child_can_not_open_a_network_socket(child: ChildProcess) -> None:
    assert call(child, "try_network") == b"denied"


def test_a_child_that_may_use_the_network_can_open_a_socket(spawn: Spawn) -> None:
    assert call(spawn(network=True), "try_network") == b"AF_INET is open"


def test_a_child_can_not_reach_a_server_on_a_unix_socket(child: ChildProcess, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "server"))
        server.listen()

        assert call(child, "try_unix_connection", os.fsencode(tmp_path / "server")) == b"denied"


def test_a_child_can_talk_to_itself(child: ChildProcess) -> None:
    assert call(child, "try_socketpair") == b"allowed"


def test_a_grandchild_can_not_leave_the_session(spawn: Spawn) -> None:
    assert call(spawn(may_start_processes=True), "try_escape") == b"denied"


def test_no_secret_reaches_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSERVER_DATABASE_URL", "postgresql://top:secret@db")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    with Forkserver() as forkserver, forkserver.spawn(ENTRY, Limits(), {"OMP_NUM_THREADS": "2"}) as child:
        state = json.loads(call(child, "state"))

    folder = state["folder"]
    assert state["environment"] == {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "2",
        "HOME": folder,
        "TMPDIR": folder,
    } | {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ") if name in os.environ}


def test_variables_are_set_before_libraries_are_loaded(forkserver: Forkserver) -> None:
    with forkserver.spawn(ENTRY, Limits(), {"OMP_THREAD_LIMIT": "1"}) as child:
        # A forked child still shows there what its forkserver was started with.
        started_with = call(child, "read_file", b"/proc/self/environ").split(b"\0")

    assert b"OMP_THREAD_LIMIT=1" in started_with


def test_a_child_keeps_no_descriptor_but_its_channel(child: ChildProcess) -> None:
    descriptors = json.loads(call(child, "state"))["descriptors"]

    kinds = {number: target.partition(":")[0] for number, target in descriptors.items()}
    assert kinds == {"0": "/dev/null", "1": "/dev/null", "2": "pipe", "3": "socket"}


def test_a_child_is_humble(spawn: Spawn) -> None:
    state = json.loads(call(spawn(nice=7), "state"))

    assert state["nice"] == 7 + os.nice(0)
    assert state["oom_score_adj"] == str(OOM_SCORE_ADJUSTMENT)
    assert state["core"] == [0, 0]
    assert state["no_new_privileges"] == "1"
    assert int(state["capabilities"], 16) == 0
    assert state["threads"] == "1"
    assert state["is_session_leader"]


def test_ctrl_c_is_for_the_service_alone(child: ChildProcess) -> None:
    call(child, "echo")

    os.killpg(child.pid, signal.SIGINT)

    assert call(child, "echo", b"still here") == b"still here"
    assert json.loads(call(child, "state"))["ignores_interrupt"]


def test_a_child_writes_in_its_own_folder_alone(child: ChildProcess, tmp_path: Path) -> None:
    assert call(child, "write_file", b"here") == b"written"
    assert call(child, "write_file", os.fsencode(tmp_path / "there")) == b"denied"
    assert call(child, "write_file", b"/dev/null") == b"written"


def test_a_folder_of_any_depth_is_removed(child: ChildProcess) -> None:
    call(child, "dig", b"1200")

    child.close()

    assert not child._folder.exists()


def test_a_child_can_not_fill_the_disk(spawn: Spawn) -> None:
    child = spawn(file_bytes=MIB)

    assert call(child, "write_much", str(MIB).encode()) == b"written"
    assert call(child, "write_much", str(MIB + 1).encode()) == b"File too large"


def test_a_child_can_not_look_into_the_service(child: ChildProcess) -> None:
    for file in ("environ", "maps"):
        assert call(child, "read_file", f"/proc/{os.getpid()}/{file}".encode()) == b"denied"


def test_a_child_can_not_look_into_its_sibling(spawn: Spawn) -> None:
    one, other = spawn(), spawn()
    call(other, "echo")

    assert call(one, "read_file", f"/proc/{other.pid}/environ".encode()) == b"denied"


@pytest.mark.skipif(landlock.version() < 6, reason="the kernel can confine signals only from version 6 on")
def test_a_child_can_not_signal_the_service(child: ChildProcess) -> None:
    assert call(child, "signal_process", str(os.getpid()).encode()) == b"denied"


def test_where_landlock_knows_no_signals_a_child_signals_itself_alone(spawn: Spawn) -> None:
    child = spawn(may_start_processes=True)
    other = call(child, "start_grandchild")
    assert call(child, "signal_process", other) == b"allowed"

    call(child, "confine_signals")

    assert call(child, "signal_process", other) == b"denied"
    assert call(child, "signal_itself") == b"allowed"


def test_a_child_reads_only_what_it_is_shown(spawn: Spawn, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("top secret")

    assert call(spawn(), "read_file", os.fsencode(secret)) == b"top secret"
    assert call(spawn(readable_paths=interpreter_paths()), "read_file", os.fsencode(secret)) == b"denied"


def test_what_the_interpreter_needs_holds_its_packages_and_no_more_of_the_checkout() -> None:
    paths = interpreter_paths()

    assert str(REPOSITORY / "qserver") in paths
    assert str(REPOSITORY) not in paths
    assert str(REPOSITORY / "certs") not in paths


def test_a_child_that_reads_little_can_still_import(spawn: Spawn) -> None:
    child = spawn("tests.unit.sandbox.late:main", readable_paths=interpreter_paths())

    assert call(child, "fraction") == b"1/3"


def test_the_filter_denies_what_it_lists_and_foreign_machines() -> None:
    calls = {"socket": 41, "connect": 42, "ptrace": 101}

    closed = seccomp.build_filter(0xC000003E, calls, Freedom())
    opened = seccomp.build_filter(0xC000003E, calls, Freedom(network=True))

    assert {len(instruction) for instruction in closed} == {8}
    assert len(closed) - len(opened) == 2 + 5  # connect, and the look at a socket's domain


def test_both_machines_have_a_number_for_each_call_but_the_old_ones_that_one_never_had() -> None:
    x86_64, aarch64 = (set(MACHINES[name].calls) for name in ("x86_64", "aarch64"))

    assert x86_64 - aarch64 == {"fork", "vfork", "chmod", "chown", "lchown", "utime", "utimes", "futimesat"}
    assert not aarch64 - x86_64
