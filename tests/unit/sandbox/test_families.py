"""Children, and what they leave behind: nothing, however they end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qserver.sandbox.errors import ChildDied
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from tests.processes import children_of, descriptors_of, is_running, parent_of
from tests.unit.sandbox.calls import call
from tests.unit.sandbox.conftest import ENTRY, Spawn
from tests.waiting import wait_until


def test_a_killed_child_takes_its_grandchildren_along(spawn: Spawn) -> None:
    child = spawn(may_start_processes=True)
    grandchild = int(call(child, "start_grandchild"))

    child.kill()

    wait_until(lambda: not is_running(grandchild), what="the grandchild's end")


def test_a_child_that_ends_by_itself_leaves_no_grandchild(spawn: Spawn) -> None:
    child = spawn(may_start_processes=True)
    grandchild = int(call(child, "start_grandchild"))

    with pytest.raises(ChildDied, match="exit code 0"):
        call(child, "leave", b"0")

    wait_until(lambda: not is_running(grandchild), what="the grandchild's end")


def test_orphans_are_reaped(spawn: Spawn) -> None:
    orphan = int(call(spawn(may_start_processes=True), "abandon_grandchild"))

    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), what="the orphan's burial")


def test_many_children_leave_nothing_behind(forkserver: Forkserver) -> None:
    with forkserver.spawn(ENTRY, Limits()) as first:
        server, folder = parent_of(first.pid), first._folder.parent
    own_before = descriptors_of("self")

    for number in range(50):
        with forkserver.spawn(ENTRY, Limits()) as child:
            if number % 5 == 0:
                call(child, "write_file", b"leftover")

    assert descriptors_of("self") <= own_before
    assert children_of(server) == set()
    assert list(folder.iterdir()) == []


def test_children_may_be_started_by_many_threads_at_once(forkserver: Forkserver) -> None:
    def start() -> None:
        with forkserver.spawn(ENTRY, Limits()) as child:
            answers.append(call(child, "echo", b"here"))

    answers: list[bytes] = []
    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [b"here"] * 8


def test_a_child_outlives_the_thread_that_started_it(forkserver: Forkserver) -> None:
    with ThreadPoolExecutor() as threads:
        child = threads.submit(forkserver.spawn, ENTRY, Limits()).result()

    with child:
        assert call(child, "echo", b"here") == b"here"


def test_siblings_draw_different_random_numbers() -> None:
    with Forkserver(["numpy.random"]) as forkserver:
        drawn = set()
        for _ in range(3):
            with forkserver.spawn(ENTRY, Limits()) as child:
                drawn.add(call(child, "draw"))

    assert len(drawn) == 3
