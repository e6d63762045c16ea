"""Calls that succeed, fail in good order, or end with the child."""

import os
import signal
import threading

import pytest

from qserver.errors import ExecutionError, InvalidCircuit, QuotaExceeded, Reason
from qserver.sandbox.cpu_time import was_held_up
from qserver.sandbox.errors import ChildDied, ChildMisbehaved, ChildTimedOut
from qserver.sandbox.process import ChildProcess
from tests.unit.sandbox.calls import MIB, call, in_thread
from tests.unit.sandbox.conftest import Spawn
from tests.waiting import PATIENCE_SECONDS, wait_until


@pytest.mark.parametrize("size", [0, 1, 1024, 64 * 1024, 64 * 1024 + 1, 900_000])
def test_a_payload_of_any_size_comes_back_as_it_was_sent(child: ChildProcess, size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + b"\xff" * (size % 256)

    assert call(child, "echo", payload) == payload


def test_an_error_keeps_its_class_its_place_and_its_reason(child: ChildProcess) -> None:
    with pytest.raises(InvalidCircuit, match="no such gate") as caught:
        call(child, "refuse")

    assert (caught.value.line, caught.value.column, caught.value.reason) == (3, 7, Reason.INVALID_CIRCUIT)


def test_an_unknown_kind_of_our_errors_arrives_as_what_it_descends_from(child: ChildProcess) -> None:
    with pytest.raises(QuotaExceeded, match="enough for today") as caught:
        call(child, "refuse_in_own_words")

    assert type(caught.value) is QuotaExceeded
    assert caught.value.reason is Reason.QUOTA_EXCEEDED


def test_a_foreign_error_is_named_and_cut_short(child: ChildProcess) -> None:
    with pytest.raises(ExecutionError, match=r"^KeyError: 'xxx") as caught:
        call(child, "raise_foreign")

    assert caught.value.reason is Reason.PLUGIN_ERROR
    assert len(caught.value.message) == 2000


@pytest.mark.parametrize(
    ("method", "message"), [("panic", "Panic: index out of bounds"), ("exit_politely", "SystemExit: 3")]
)
def test_what_is_no_exception_is_reported_and_the_child_lives_on(
    child: ChildProcess, method: str, message: str
) -> None:
    with pytest.raises(ExecutionError, match=message):
        call(child, method)

    assert call(child, "echo", b"still here") == b"still here"


def test_an_unknown_method_is_our_fault(child: ChildProcess) -> None:
    with pytest.raises(ExecutionError, match="no method 'nonsense'") as caught:
        call(child, "nonsense")

    assert caught.value.reason is Reason.INTERNAL


def test_a_result_past_the_cap_is_refused_by_an_honest_child_which_lives_on(child: ChildProcess) -> None:
    with pytest.raises(ExecutionError, match=r"1,048,577 bytes; the limit is 1,048,576") as caught:
        call(child, "grow", str(MIB + 1).encode())

    assert caught.value.reason is Reason.RESULT_TOO_LARGE
    assert call(child, "echo", b"still here") == b"still here"


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("send_garbage", "a header of 4,294,967,295 bytes"),
        ("send_too_much", "1,099,511,627,776 bytes; the limit is 1,048,576"),
        ("send_two", "more than one frame"),
        ("send_wrong_id", "not asked for"),
        ("send_wrong_fault", "unknown reason"),
        ("send_half_and_stay", "hung up and went on running"),
    ],
)
def test_a_child_that_breaks_the_protocol_is_killed(child: ChildProcess, method: str, fault: str) -> None:
    with pytest.raises(ChildMisbehaved, match=fault):
        call(child, method)

    assert not child.is_alive


def test_half_a_frame_of_a_child_that_left_is_its_death(child: ChildProcess) -> None:
    with pytest.raises(ChildDied, match="ended with exit code 0") as caught:
        call(child, "send_half")

    assert not isinstance(caught.value, ChildMisbehaved)


def test_a_segmentation_fault_is_told_with_its_signal(child: ChildProcess) -> None:
    with pytest.raises(ChildDied, match=r"died of signal 11 \(SIGSEGV\) during 'crash'") as caught:
        call(child, "crash")

    assert (caught.value.signal, caught.value.exit_code) == (signal.SIGSEGV, None)
    assert not caught.value.out_of_memory
    assert not caught.value.was_killed


def test_an_exit_is_told_with_its_code(child: ChildProcess) -> None:
    with pytest.raises(ChildDied, match="ended with exit code 7") as caught:
        call(child, "leave", b"7")

    assert (caught.value.signal, caught.value.exit_code) == (None, 7)


def test_a_dead_child_says_so_to_every_later_call(child: ChildProcess) -> None:
    for _ in range(2):
        with pytest.raises(ChildDied, match="SIGABRT"):
            call(child, "abort")


def test_a_call_past_its_time_kills_the_child(child: ChildProcess) -> None:
    with pytest.raises(ChildTimedOut, match="'sleep' took longer"):
        call(child, "sleep", timeout_seconds=0.05)

    wait_until(lambda: not child.is_alive, what="the child's end")


def test_a_child_that_never_reads_can_not_hold_up_a_large_request(spawn: Spawn) -> None:
    child = spawn("tests.unit.sandbox.children:stubborn")

    with pytest.raises(ChildTimedOut):
        call(child, "echo", bytes(10 * MIB), timeout_seconds=0.1)


def test_a_kill_from_another_thread_wakes_the_call(child: ChildProcess) -> None:
    call(child, "echo")  # it has started
    pending = in_thread(lambda: call(child, "sleep", timeout_seconds=None))
    wait_until(child._call_lock.locked, what="the call to be under way")

    child.kill()

    with pytest.raises(ChildDied, match="was killed during 'sleep'") as caught:
        pending.result(timeout=PATIENCE_SECONDS)
    assert caught.value.was_killed
    assert not caught.value.out_of_memory


def test_a_kill_for_memory_is_told_as_such(child: ChildProcess) -> None:
    pending = in_thread(lambda: call(child, "sleep", timeout_seconds=None))
    wait_until(child._call_lock.locked, what="the call to be under way")

    child.kill(out_of_memory=True)

    with pytest.raises(ChildDied, match="ran out of memory") as caught:
        pending.result(timeout=PATIENCE_SECONDS)
    assert caught.value.out_of_memory


def test_kill_and_close_may_be_repeated_in_any_order(child: ChildProcess) -> None:
    child.kill()
    child.close()
    child.kill()
    child.close()

    assert not child.is_alive
    assert child.memory_bytes() == 0


def test_closing_from_another_thread_ends_a_pending_call(child: ChildProcess) -> None:
    pending = in_thread(lambda: call(child, "sleep", timeout_seconds=None))
    wait_until(child._call_lock.locked, what="the call to be under way")

    child.close()

    with pytest.raises(ChildDied):
        pending.result(timeout=PATIENCE_SECONDS)


def test_calls_of_many_threads_take_turns(child: ChildProcess) -> None:
    def ask(number: int) -> None:
        payload = str(number).encode()
        answers.append(call(child, "echo", payload) == payload)

    answers: list[bool] = []
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [True] * 20


def test_an_entry_that_is_not_there_is_told_by_the_first_call(spawn: Spawn) -> None:
    child = spawn("tests.unit.sandbox.children:nobody")

    with pytest.raises(ChildDied, match=r"could not start: AttributeError: module .* has no attribute 'nobody'"):
        call(child, "echo")


def test_a_child_that_was_stopped_is_known_to_have_been_held_up(child: ChildProcess) -> None:
    os.kill(child.pid, signal.SIGSTOP)

    with pytest.raises(ChildTimedOut) as caught:
        child.call("echo", b"", timeout_seconds=0.2, max_reply_bytes=MIB)

    assert caught.value.was_held_up
    assert not child.is_alive


def test_the_cpu_time_of_a_child_is_told_while_it_lives(child: ChildProcess) -> None:
    used = child.cpu_seconds()
    assert used is not None

    def works() -> bool:
        call(child, "echo", bytes(MIB // 2))
        return (child.cpu_seconds() or 0.0) > used

    wait_until(works)
    child.close()
    assert child.cpu_seconds() is None


@pytest.mark.parametrize(
    ("before", "after", "expected"), [(1.0, 1.4, True), (1.0, 1.6, False), (None, 1.0, False), (1.0, None, False)]
)
def test_a_process_that_hardly_worked_was_held_up(before: float | None, after: float | None, *, expected: bool) -> None:
    assert was_held_up(before, after, seconds=10.0) is expected
