"""Short words for what most tests do."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from qserver.sandbox.process import ChildProcess

MIB = 1024 * 1024


def call(child: ChildProcess, method: str, payload: bytes = b"", *, timeout_seconds: float | None = 20.0) -> bytes:
    """Call with limits that no healthy test reaches."""
    return child.call(method, payload, timeout_seconds=timeout_seconds, max_reply_bytes=MIB)


def in_thread(work: Callable[[], bytes]) -> Future[bytes]:
    """Do the work in a thread of its own."""
    future: Future[bytes] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - handed to who waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
