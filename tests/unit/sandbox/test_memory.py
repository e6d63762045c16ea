"""Memory: limits that hold, and deaths that are put down to it."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qserver.errors import ExecutionError, Reason
from qserver.sandbox import memory
from qserver.sandbox.errors import ChildDied
from qserver.sandbox.process import ChildProcess
from tests.unit.sandbox.calls import MIB, call
from tests.unit.sandbox.conftest import Spawn
from tests.waiting import wait_until

HOARDS = "tests.unit.sandbox.hoards:main"


def test_a_hog_stops_cleanly_and_lives_on(spawn: Spawn) -> None:
    child = spawn(memory_bytes=200 * MIB)

    with pytest.raises(ExecutionError) as caught:
        call(child, "hog", str(300 * MIB).encode())

    assert caught.value.reason is Reason.OUT_OF_MEMORY
    assert call(child, "hog", str(100 * MIB).encode()) == str(100 * MIB).encode()


def test_a_request_that_does_not_fit_is_a_death_by_memory(spawn: Spawn) -> None:
    child = spawn(memory_bytes=32 * MIB)

    with pytest.raises(ChildDied) as caught:
        call(child, "echo", bytes(64 * MIB))

    assert caught.value.out_of_memory


@pytest.mark.parametrize("way", ["hog_mapped_file", "hog_page_tables", "hog_behind_a_dead_leader"])
def test_memory_that_no_limit_counts_is_seen_by_the_watch(spawn: Spawn, way: str) -> None:
    child = spawn(HOARDS, memory_bytes=32 * MIB)

    with pytest.raises(ChildDied, match="ran out of memory") as caught:
        call(child, way, str(100 * MIB).encode(), timeout_seconds=60.0)

    assert caught.value.signal == signal.SIGKILL
    assert not caught.value.was_killed


def test_page_tables_of_what_a_child_started_are_counted_with_its_own(spawn: Spawn) -> None:
    child = spawn(HOARDS, memory_bytes=32 * MIB, may_start_processes=True)

    with pytest.raises(ChildDied, match="ran out of memory"):
        call(child, "let_a_process_hog_page_tables", str(100 * MIB).encode(), timeout_seconds=60.0)


def test_sockets_of_a_child_hold_little(spawn: Spawn) -> None:
    default_bytes = int(Path("/proc/sys/net/core/wmem_default").read_text())

    held_bytes = int(call(spawn(HOARDS, memory_bytes=64 * MIB), "count_sockets"))

    assert 0 < held_bytes < 256 * default_bytes


def test_only_a_process_whose_memory_nobody_limits_may_share_it_with_nobody(spawn: Spawn) -> None:
    limited, unlimited = spawn(HOARDS, memory_bytes=64 * MIB), spawn(HOARDS, memory_bytes=None)

    assert call(limited, "share_memory_with_nobody") == b"denied"
    assert call(unlimited, "share_memory_with_nobody") == b"allowed"


def test_a_failed_allocation_in_cpp_is_told_from_other_aborts(spawn: Spawn) -> None:
    with pytest.raises(ChildDied) as failed_allocation:
        call(spawn(), "abort_like_cpp")
    with pytest.raises(ChildDied) as other_abort:
        call(spawn(), "abort")

    assert failed_allocation.value.out_of_memory
    assert not other_abort.value.out_of_memory
    assert {failed_allocation.value.signal, other_abort.value.signal} == {signal.SIGABRT}


def test_the_last_words_are_kept_however_many_there_were(child: ChildProcess) -> None:
    with pytest.raises(ChildDied) as caught:
        call(child, "spam")

    assert caught.value.ending.last_words.endswith("spam\nthe end\n")
    assert len(caught.value.ending.last_words) <= 4096


def test_resident_memory_is_told_and_counts_grandchildren(spawn: Spawn) -> None:
    child = spawn(may_start_processes=True)
    wait_until(lambda: child.memory_bytes() > MIB, what="the child leads a session")

    call(child, "start_grandchild")

    # Not against what it was before: the kernel may take idle pages back meanwhile.
    wait_until(
        lambda: child.memory_bytes() > memory.use_of(child.pid).memory_bytes + MIB,
        what="a program that has just started has its memory",
    )


@pytest.mark.parametrize(
    ("number", "last_words", "before", "now", "verdict"),
    [
        (signal.SIGKILL, "", 3, 4, True),  # the kernel's counter rose
        (signal.SIGKILL, "", 3, 3, False),  # somebody else's kill
        (signal.SIGKILL, "", None, 3, True),  # nobody counts: little else sends it
        (signal.SIGABRT, "memory allocation of 80 bytes failed", 3, 3, True),
        (signal.SIGABRT, "free(): invalid pointer", 3, 4, False),
        (signal.SIGSEGV, "std::bad_alloc", 3, 4, False),
        (None, "std::bad_alloc", 3, 4, False),
    ],
)
def test_a_death_is_judged_by_signal_words_and_the_kernels_counter(
    monkeypatch: pytest.MonkeyPatch, number: int | None, last_words: str, before: int | None, now: int, *, verdict: bool
) -> None:
    monkeypatch.setattr(memory, "kernel_oom_kills", lambda: now)

    judged = memory.ran_out_of_memory(signal_number=number, last_words=last_words, kills_before=before)

    assert judged is verdict


def test_the_kernel_tells_its_kills() -> None:
    assert memory.kernel_oom_kills() is not None


def test_a_process_that_is_gone_holds_nothing() -> None:
    assert memory.use_of(2**22 + 1) == memory.Use()
    assert memory.session_memory_bytes(2**22 + 1) == 0


def test_a_process_may_be_buried_while_it_is_looked_at() -> None:
    for _ in range(100):
        process = subprocess.Popen(["true"])
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with ThreadPoolExecutor(1) as gravedigger:
            buried = gravedigger.submit(process.wait)
            while memory.use_of(process.pid).tasks:
                pass

        assert buried.result() == 0
        assert memory.use_of(process.pid) == memory.Use()


def test_our_own_memory_is_seen() -> None:
    assert memory.use_of(os.getpid()).memory_bytes > 10 * MIB
    assert memory.data_bytes() > 10 * MIB
    assert memory.session_memory_bytes(os.getsid(0)) >= memory.use_of(os.getpid()).memory_bytes // 2


def test_a_counter_that_can_not_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "counters").write_text("oom 1\noom_kill 7\n")

    assert memory._read_counter(tmp_path / "counters", "oom_kill") == 7
    assert memory._read_counter(tmp_path / "counters", "nothing") is None
    assert memory._read_counter(tmp_path / "nowhere", "oom_kill") is None
