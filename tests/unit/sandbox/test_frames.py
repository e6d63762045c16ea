"""Frames over a socket: whole ones, and all that is none."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qserver.sandbox.frames import MAX_HEADER_BYTES, PREFIX, BadFrame, Frame, FrameStream, HalfFrame


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


Ends = tuple[socket.socket, socket.socket]


def whole(header: bytes, payload: bytes = b"") -> bytes:
    return PREFIX.pack(len(header), len(payload)) + header + payload


@given(
    st.dictionaries(
        st.text(alphabet=st.characters(codec="utf-8")), st.integers() | st.text(st.characters(codec="utf-8"))
    ),
    st.binary(),
)
def test_a_frame_comes_back_as_it_was_sent(header: dict[str, object], payload: bytes) -> None:
    one, other = socket.socketpair()
    with one, other:
        FrameStream(one).send(Frame(header, payload))

        assert FrameStream(other).receive(max_payload_bytes=len(payload)) == Frame(header, payload)


def test_a_large_frame_arrives_in_pieces(ends: Ends) -> None:
    payload = os.urandom(5_000_000)
    sender = threading.Thread(target=lambda: FrameStream(ends[0]).send(Frame({}, payload)))
    sender.start()

    frame = FrameStream(ends[1]).receive(max_payload_bytes=len(payload), deadline=time.monotonic() + 20)
    sender.join()

    assert frame == Frame({}, payload)


def test_a_frame_may_come_byte_by_byte(ends: Ends) -> None:
    def drip() -> None:
        for value in whole(b'{"id":1}', b"payload"):
            ends[0].sendall(bytes([value]))

    sender = threading.Thread(target=drip)
    sender.start()

    frame = FrameStream(ends[1]).receive(max_payload_bytes=100)
    sender.join()

    assert frame == Frame({"id": 1}, b"payload")


def test_an_end_between_frames_is_no_fault(ends: Ends) -> None:
    ends[0].close()

    assert FrameStream(ends[1]).receive(max_payload_bytes=0) is None


@pytest.mark.parametrize("length", range(1, 22))
def test_an_end_within_a_frame_is_half_a_frame(ends: Ends, length: int) -> None:
    ends[0].sendall(whole(b'{"id":1}', b"xx")[:length])
    ends[0].close()

    with pytest.raises(HalfFrame):
        FrameStream(ends[1]).receive(max_payload_bytes=100)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (PREFIX.pack(0, 0), "a header of 0 bytes"),
        (PREFIX.pack(MAX_HEADER_BYTES + 1, 0), "a header of 32,769 bytes; the limit is 32,768"),
        (PREFIX.pack(2, 11) + b"{}", "it sent 11 bytes; the limit is 10"),
        (whole(b"no"), "no JSON$"),
        (whole(b"\xff\xff"), "no JSON$"),
        (whole(b"[" * 20_000), "no JSON$"),
        (whole(b"[]"), "no JSON object"),
        (whole(b"{}") + b"x", "more than one frame"),
    ],
)
def test_what_is_no_frame_is_refused(ends: Ends, data: bytes, fault: str) -> None:
    ends[0].sendall(data)

    with pytest.raises(BadFrame, match=fault):
        FrameStream(ends[1]).receive(max_payload_bytes=10)


def test_receiving_stops_at_the_deadline(ends: Ends) -> None:
    ends[0].sendall(PREFIX.pack(2, 0))

    with pytest.raises(TimeoutError):
        FrameStream(ends[1]).receive(max_payload_bytes=0, deadline=time.monotonic() + 0.02)


def test_sending_stops_at_the_deadline(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        FrameStream(ends[0]).send(Frame({}, bytes(10_000_000)), deadline=time.monotonic() + 0.02)


def test_nothing_is_read_past_the_deadline(ends: Ends) -> None:
    ends[0].sendall(whole(b"{}"))

    with pytest.raises(TimeoutError):
        FrameStream(ends[1]).receive(max_payload_bytes=0, deadline=time.monotonic() - 1)


def test_a_header_is_plain_json(ends: Ends) -> None:
    FrameStream(ends[0]).send(Frame({"message": "größer"}, b""))

    data = ends[1].recv(1000)

    assert json.loads(data[PREFIX.size :]) == {"message": "größer"}
