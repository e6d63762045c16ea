"""The child's side and what it tells of its errors, without a process."""

import socket
import threading
from collections.abc import Mapping

import pytest

from qserver import errors
from qserver.errors import ExecutionError, InvalidCircuit, QServerError, Reason, TooLarge
from qserver.sandbox.child import answer, serve
from qserver.sandbox.ending import EXIT_START_FAILED, Ending
from qserver.sandbox.faults import MAX_MESSAGE_CHARACTERS, describe_fault, revive_fault
from qserver.sandbox.frames import BadFrame, Frame, FrameStream
from tests.waiting import PATIENCE_SECONDS

OF_THE_CLIENT = {errors.NotAskedFor, errors.SomeRefused}
EVERY_CLASS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, QServerError) and value not in OF_THE_CLIENT
]


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


@pytest.mark.parametrize("error_class", EVERY_CLASS)
def test_every_error_of_ours_crosses_as_itself(error_class: type[QServerError]) -> None:
    revived = revive_fault(describe_fault(error_class("a sentence", reason=Reason.OVERLOADED)))

    assert type(revived) is error_class
    assert (revived.message, revived.reason) == ("a sentence", Reason.OVERLOADED)


def test_the_place_in_a_circuit_crosses_too() -> None:
    revived = revive_fault(describe_fault(InvalidCircuit("no such gate", line=3)))

    assert isinstance(revived, InvalidCircuit)
    assert (revived.line, revived.column) == (3, None)


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (MemoryError(), Reason.OUT_OF_MEMORY, "ran out of memory"),
        (ZeroDivisionError("by zero"), Reason.PLUGIN_ERROR, "ZeroDivisionError: by zero"),
        (UnreadableError(), Reason.PLUGIN_ERROR, "UnreadableError: (its message can't be read)"),
        (ValueError("lone \ud800"), Reason.PLUGIN_ERROR, "ValueError: lone ?"),
        (ValueError("x" * 10_000), Reason.PLUGIN_ERROR, ("ValueError: " + "x" * 10_000)[:MAX_MESSAGE_CHARACTERS]),
    ],
)
def test_what_is_none_of_ours_becomes_an_execution_error(error: Exception, reason: Reason, message: str) -> None:
    revived = revive_fault(describe_fault(error))

    assert isinstance(revived, ExecutionError)
    assert (revived.reason, revived.message) == (reason, message)


@pytest.mark.parametrize(
    "fault",
    [
        None,
        [],
        {"class": "TooLarge"},
        {"class": 7, "message": "x", "reason": "TOO_LARGE"},
        {"class": "TooLarge", "message": "x", "reason": "HUGE"},
        {"class": "InvalidCircuit", "message": "x", "reason": "INVALID_CIRCUIT", "line": "three"},
    ],
)
def test_a_fault_that_is_none_is_no_reply(fault: object) -> None:
    with pytest.raises(BadFrame):
        revive_fault(fault)


def test_a_class_outside_the_table_is_never_made() -> None:
    revived = revive_fault({"class": "SystemExit", "message": "x", "reason": "INTERNAL"})

    assert type(revived) is ExecutionError


def fail(_: bytes) -> bytes:
    raise TooLarge("it is too large")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({"id": 1, "method": "echo"}, "ExecutionError"),
        ({"id": 1, "method": "echo", "max_reply_bytes": 3}, "ExecutionError"),
        ({"id": 1, "method": ["echo"], "max_reply_bytes": 100}, "ExecutionError"),
        ({"id": 1, "method": "fail", "max_reply_bytes": 100}, "TooLarge"),
    ],
)
def test_a_request_that_can_not_be_answered_gets_a_fault(header: Mapping[str, object], name: str) -> None:
    reply = answer({"echo": bytes, "fail": fail}, Frame(header, b"1234"))

    fault = reply.header["fault"]
    assert isinstance(fault, dict)
    assert (reply.header["id"], fault["class"], reply.payload) == (1, name, b"")


def test_serving_ends_when_the_parent_hangs_up() -> None:
    parent, child = socket.socketpair()
    server = threading.Thread(target=lambda: serve({"echo": bytes}, channel=child))
    server.start()
    stream = FrameStream(parent)

    stream.send(Frame({"id": 5, "method": "echo", "max_reply_bytes": 10}, b"hello"))
    reply = stream.receive(max_payload_bytes=10)
    parent.close()
    server.join(timeout=PATIENCE_SECONDS)
    child.close()

    assert reply == Frame({"id": 5}, b"hello")
    assert not server.is_alive()


def test_serving_ends_when_nobody_wants_the_reply() -> None:
    parent, child = socket.socketpair()
    FrameStream(parent).send(Frame({"id": 1, "method": "grow", "max_reply_bytes": 10**7}, b""))
    parent.shutdown(socket.SHUT_RD)
    parent.close()

    with child:
        serve({"grow": lambda _: bytes(10**7)}, channel=child)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending(signal=11), "died of signal 11 (SIGSEGV)"),
        (Ending(signal=40), "died of signal 40 (a real-time signal)"),
        (Ending(exit_code=3), "ended with exit code 3"),
        (Ending(), "ended in an unknown way"),
        (Ending(signal=9, was_killed=True), "was killed"),
        (Ending(signal=9, was_killed=True, out_of_memory=True), "ran out of memory"),
        (Ending(exit_code=EXIT_START_FAILED, last_words="Trace\nKeyError: 'x'\n"), "could not start: KeyError: 'x'"),
        (Ending(exit_code=EXIT_START_FAILED), "could not start: no reason given"),
    ],
)
def test_an_ending_is_told_in_words(ending: Ending, words: str) -> None:
    assert ending.describe() == words
    assert Ending.decode(ending.encode()) == ending
