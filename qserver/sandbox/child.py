"""The child's side of a call: read a request, let its handler answer, and report what it raises.

Standard library only, as in `frames`.
"""

import os
import socket
from collections.abc import Callable, Mapping

from qserver.errors import ExecutionError, Reason
from qserver.sandbox.ending import EXIT_OUT_OF_MEMORY
from qserver.sandbox.faults import describe_fault
from qserver.sandbox.frames import CHANNEL_DESCRIPTOR, BadFrame, Frame, FrameStream

MAX_REQUEST_BYTES = 1024**3

Handler = Callable[[bytes], bytes]


def serve(handlers: Mapping[str, Handler], *, channel: socket.socket | None = None) -> None:
    """Answer the parent's requests one after the other, until it hangs up.

    `channel` is the inherited one unless given. Whatever a handler raises, SystemExit and panics of Rust included, is
    reported to the parent, and the next request is awaited.
    """
    connection = channel or socket.socket(fileno=CHANNEL_DESCRIPTOR)
    stream = FrameStream(connection)
    try:
        while (request := stream.receive(max_payload_bytes=MAX_REQUEST_BYTES)) is not None:
            stream.send(answer(handlers, request))
    except MemoryError:
        os._exit(EXIT_OUT_OF_MEMORY)  # the stream is out of step, so that there is no other way to say it
    except (BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or has given up on this call


def answer(handlers: Mapping[str, Handler], request: Frame) -> Frame:
    """Let the request's handler make the reply."""
    header = {"id": request.header.get("id")}
    try:
        payload = _find(handlers, request)(request.payload)
        _check_reply(payload, request)
    except BaseException as error:  # noqa: BLE001 - the outermost loop; a Rust panic is a BaseException
        return Frame({**header, "fault": describe_fault(error)}, b"")
    return Frame(header, payload)


def _find(handlers: Mapping[str, Handler], request: Frame) -> Handler:
    method = request.header.get("method")
    if not isinstance(method, str) or method not in handlers:
        raise ExecutionError(f"this process has no method '{method}'", reason=Reason.INTERNAL)
    return handlers[method]


def _check_reply(payload: bytes, request: Frame) -> None:
    limit = request.header.get("max_reply_bytes")
    if not isinstance(limit, int):
        raise BadFrame("the request names no max_reply_bytes")
    if len(payload) > limit:
        raise ExecutionError(
            f"the result is {len(payload):,} bytes; the limit is {limit:,}", reason=Reason.RESULT_TOO_LARGE
        )
