"""Everything that hostile code is known to try, from inside a simulator and from inside a file plugin."""

import ctypes
import os
import resource
import signal
import socket
from pathlib import Path

import pytest

from qserver.sandbox.errors import ChildDied
from tests.integration.sandbox.conftest import FilePluginIntruder, Intruder, SimulatorIntruder
from tests.integration.sandbox.intrusions import DENIED, DONE
from tests.processes import parent_of
from tests.waiting import wait_until

OUR_PID = os.getpid()
SECRET = "correct horse battery staple"  # noqa: S105 - it opens nothing


def group_exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    "name", ["secrets/database_password", ".env", "qserver.db", "logs/worker.log", "qserver-sandbox-x/other-job.qasm"]
)
def test_no_file_of_ours_is_read(intruding: Intruder, tmp_path: Path, name: str) -> None:
    secret = tmp_path / name
    secret.parent.mkdir(exist_ok=True)
    secret.write_text(SECRET)
    secret.chmod(0o444)

    assert intruding.attempt("read_file", secret) == DENIED


def test_another_job_s_file_is_neither_read_nor_changed(
    simulator: SimulatorIntruder, file_plugin: FilePluginIntruder
) -> None:
    theirs = simulator._child._folder / "circuit"
    theirs.write_text(SECRET)

    assert file_plugin.attempt("read_file", theirs) == DENIED
    assert file_plugin.attempt("write_file", theirs) == DENIED
    assert theirs.read_text() == SECRET


def test_shared_memory_of_others_is_not_read(intruding: Intruder) -> None:
    shared = Path(f"/dev/shm/qserver-test-{OUR_PID}")  # noqa: S108 - the place itself is what is tested
    shared.write_text(SECRET)
    try:
        assert intruding.attempt("read_file", shared) == DENIED
        assert intruding.attempt("write_file", shared) == DENIED
    finally:
        shared.unlink()


@pytest.mark.parametrize("file", ["environ", "maps", "auxv", "io"])
def test_the_environment_of_service_and_forkserver_is_not_read(intruding: Intruder, file: str) -> None:
    forkserver = parent_of(intruding.pid)

    assert intruding.attempt("read_file", f"/proc/{OUR_PID}/{file}") == DENIED
    assert intruding.attempt("read_file", f"/proc/{forkserver}/{file}") == DENIED


@pytest.mark.parametrize("way", ["read_memory", "copy_memory"])
def test_the_parent_s_memory_is_not_read(intruding: Intruder, way: str) -> None:
    secret = ctypes.create_string_buffer(SECRET.encode())

    assert intruding.attempt(way, OUR_PID, ctypes.addressof(secret), len(SECRET)) == DENIED


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"])
def test_no_socket_is_opened(intruding: Intruder, family: str) -> None:
    assert intruding.attempt("open_socket", family) == DENIED


@pytest.mark.parametrize("way", ["connect", "send_datagram", "send_message"])
def test_no_unix_socket_is_reached(intruding: Intruder, tmp_path: Path, way: str) -> None:
    path = tmp_path / "server"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if way == "connect" else socket.SOCK_DGRAM) as server:
        server.bind(os.fspath(path))
        path.chmod(0o777)

        assert intruding.attempt(way, path) == DENIED


def test_a_simulator_starts_no_process(simulator: SimulatorIntruder) -> None:
    assert simulator.attempt("fork", 1000) == DENIED


def test_a_file_plugin_that_starts_a_thousand_processes_is_killed_with_all_of_them(
    file_plugin: FilePluginIntruder,
) -> None:
    answer = file_plugin.attempt("fork", 1000)

    assert answer.startswith("the plugin was killed: it had ")
    assert answer.endswith(" processes and threads; the limit is 512")
    wait_until(lambda: not group_exists(file_plugin.pid), what="all that it started is killed and buried")


def test_a_simulator_that_starts_a_thousand_threads_is_killed(simulator: SimulatorIntruder) -> None:
    with pytest.raises(ChildDied, match="processes and threads; the limit is 260") as caught:
        simulator.attempt("start_threads", 1000)

    assert not caught.value.out_of_memory
    assert caught.value.signal == signal.SIGKILL


def test_a_file_plugin_that_starts_a_thousand_threads_is_killed(file_plugin: FilePluginIntruder) -> None:
    assert file_plugin.attempt("start_threads", 1000).endswith("processes and threads; the limit is 512")


def test_no_namespace_is_entered(intruding: Intruder) -> None:
    assert intruding.attempt("enter_namespace") == DENIED


@pytest.mark.parametrize("way", ["outlive_its_parent", "show_itself"])
def test_what_ends_it_with_its_parent_and_what_hides_it_is_not_undone(intruding: Intruder, way: str) -> None:
    assert intruding.attempt("name_itself") == DONE  # by the same call, of which libraries need the rest

    assert intruding.attempt(way) == DENIED


def test_no_huge_file_is_written(intruding: Intruder) -> None:
    assert intruding.attempt("write_much", 256 * 1024**2) == DONE
    assert intruding.attempt("write_much", 256 * 1024**2 + 1) == "EFBIG"


def test_no_file_is_written_but_its_own(intruding: Intruder, tmp_path: Path) -> None:
    assert intruding.attempt("write_file", tmp_path / "planted") == DENIED
    assert intruding.attempt("write_file", "own") == DONE


@pytest.mark.parametrize("way", ["open_file_to_all", "empty_file", "date_file", "label_file"])
def test_nothing_of_our_files_is_changed(intruding: Intruder, tmp_path: Path, way: str) -> None:
    ours = tmp_path / "qserver.db"
    ours.write_text(SECRET)
    ours.chmod(0o600)
    before = ours.stat()

    assert intruding.attempt(way, ours) == DENIED

    after = ours.stat()
    assert (after.st_mode, after.st_size, after.st_mtime_ns) == (before.st_mode, before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize(
    "way",
    ["make_memory_file", "share_memory_with_nobody", "share_zeros", "hand_pages_to_a_pipe", "enlarge_a_socket"],
)
def test_no_memory_is_taken_that_nobody_counts(intruding: Intruder, way: str) -> None:
    assert intruding.attempt(way) == DENIED


def test_a_simulator_locks_no_range_of_a_file(simulator: SimulatorIntruder) -> None:
    assert simulator.attempt("lock_a_range") == DENIED


@pytest.mark.parametrize(
    "way", ["signal_process", "signal_by_descriptor", "limit_process", "slow_process", "bind_process"]
)
def test_the_parent_is_neither_signaled_nor_slowed_nor_limited(intruding: Intruder, way: str) -> None:
    before = (resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0))

    assert intruding.attempt(way, OUR_PID) == DENIED

    now = (resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0))
    assert now == before


def test_no_variable_of_the_service_is_seen(intruding: Intruder) -> None:
    variables = intruding.attempt("tell_variables").split(",")

    assert "PATH" in variables
    assert not [name for name in variables if name.startswith("QSERVER_") or "PASSWORD" in name or "TOKEN" in name]
