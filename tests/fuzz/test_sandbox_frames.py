"""What a child may send: any bytes make a parent read a frame, see an end, or know a fault."""

import contextlib
import json
import socket
import time

from hypothesis import given
from hypothesis import strategies as st

from qserver.errors import QServerError
from qserver.sandbox.faults import revive_fault
from qserver.sandbox.frames import PREFIX, BadFrame, FrameStream

MAX_PAYLOAD_BYTES = 1000
SECONDS = 20

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
headers = st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode())
almost_frames = st.builds(
    lambda claimed_header, claimed_payload, header, payload: (
        PREFIX.pack(claimed_header, claimed_payload) + header + payload
    ),
    st.integers(0, 70) | st.integers(0, 2**32 - 1),
    st.integers(0, 20) | st.integers(0, 2**64 - 1),
    headers,
    st.binary(max_size=30),
)
faults = anything | st.fixed_dictionaries(
    {"class": st.sampled_from(["InvalidCircuit", "TooLarge", "ExecutionError", "SystemExit"]), "message": st.text()},
    optional={"reason": anything, "line": anything, "column": anything},
)


@given(st.binary(max_size=200) | almost_frames)
def test_bytes_are_a_frame_an_end_or_a_fault(data: bytes) -> None:
    child, parent = socket.socketpair()
    with child, parent:
        child.sendall(data)
        child.close()

        with contextlib.suppress(BadFrame):
            frame = FrameStream(parent).receive(
                max_payload_bytes=MAX_PAYLOAD_BYTES, deadline=time.monotonic() + SECONDS
            )
            assert frame is None or len(frame.payload) <= MAX_PAYLOAD_BYTES


@given(faults)
def test_a_fault_is_one_of_ours_or_none(fault: object) -> None:
    with contextlib.suppress(BadFrame):
        assert isinstance(revive_fault(fault), QServerError)
