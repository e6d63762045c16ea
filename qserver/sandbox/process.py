"""A child process as its owner sees it: calls that time out, and that `kill` interrupts from any thread."""

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from qserver.sandbox.cpu_time import cpu_seconds, was_held_up
from qserver.sandbox.ending import Ending
from qserver.sandbox.errors import ChildDied, ChildMisbehaved, ChildTimedOut
from qserver.sandbox.faults import revive_fault
from qserver.sandbox.folders import remove_folder
from qserver.sandbox.frames import BadFrame, Frame, FrameStream, HalfFrame
from qserver.sandbox.memory import session_memory_bytes

_END_SECONDS = 5.0  # a killed process that holds much memory may need seconds to give it back
_HANG_UP_SECONDS = 1.0
_MAX_ENDING_BYTES = 64 * 1024


class ChildProcess:
    """A confined child and the channel to it.

    One call runs at a time; a second waits for the first. A child whose call failed in any other way than by an error
    that it reported is dead, and every later call raises ChildDied. `close` must be called in the end (or use `with`).
    """

    def __init__(
        self,
        *,
        pid: int,
        pid_descriptor: int,
        channel: socket.socket,
        lifeline: socket.socket,
        folder: Path,
    ) -> None:
        """Take over a child that was just started, with all its descriptors.

        `lifeline` tells how the child ended; hanging up on it makes the forkserver kill the child and all that it
        started. `folder` is the child's own, removed by `close`.
        """
        self.pid = pid
        self._pid_descriptor = pid_descriptor
        self._channel = channel
        self._stream = FrameStream(channel)
        self._lifeline = lifeline
        self._folder = folder
        self._at_close: Callable[[], None] | None = None
        self._call_lock = threading.Lock()
        self._descriptor_lock = threading.Lock()  # no descriptor is closed while another thread signals through it
        self._end_lock = threading.Lock()
        self._last_id = 0
        self._ending: Ending | None = None
        self._was_killed = False
        self._killed_for_memory = False
        self._is_closed = False

    def call(self, method: str, payload: bytes, *, timeout_seconds: float | None, max_reply_bytes: int) -> bytes:
        """Let the child's handler of `method` answer `payload`.

        Raises ChildTimedOut past `timeout_seconds` (None waits for ever), ChildDied where the child ended or was
        killed, ChildMisbehaved where it sent no proper reply: in each of these cases the child is dead. Raises the
        QServerError that the child's handler raised; then the child is ready for the next call.
        """
        with self._call_lock:
            deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
            self._last_id += 1
            header = {"id": self._last_id, "method": method, "max_reply_bytes": max_reply_bytes}
            used_before = self.cpu_seconds()
            try:
                reply = self._exchange(Frame(header, payload), deadline, max_reply_bytes)
            except TimeoutError as error:
                raise self._timed_out(method, used_before, timeout_seconds or 0.0) from error
            if "fault" in reply.header:
                raise self._revive(reply.header["fault"], method)
            return reply.payload

    def kill(self, *, out_of_memory: bool = False) -> None:
        """Kill the child and all that it started, at once, from any thread.

        A pending call raises ChildDied within milliseconds. `out_of_memory` says why, for who watches memory. Safe to
        repeat, and safe after the child ended.
        """
        self._was_killed = True
        self._killed_for_memory |= out_of_memory
        self._terminate()

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return not self._ends_within(0)

    def cpu_seconds(self) -> float | None:
        """Give the CPU time that the child has used, but for processes that it started; None once it is gone."""
        return cpu_seconds(self.pid)

    def memory_bytes(self) -> int:
        """Add up the memory of the child and of all processes that it started; see `memory`. 0 once it has ended.

        Pages shared with the forkserver (libraries, some 100 MB with Qiskit and Aer) are counted in.
        """
        return session_memory_bytes(self.pid) if self.is_alive else 0

    def close(self) -> None:
        """Kill the child where it still runs, see it gone, and remove its folder. Safe to repeat."""
        self.kill()
        self._await_ending()
        with self._call_lock, self._descriptor_lock:  # a pending call is over soon: it must not read what isn't its own
            if self._is_closed:
                return
            self._is_closed = True
            self._channel.close()
            self._lifeline.close()
            os.close(self._pid_descriptor)
        remove_folder(self._folder)
        if self._at_close is not None:
            self._at_close()

    def on_close(self, act: Callable[[], None]) -> None:
        """Have `act` called at the end of `close`."""
        self._at_close = act

    def __enter__(self) -> Self:
        """Close it at the end of the block."""
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _exchange(self, request: Frame, deadline: float | None, max_reply_bytes: int) -> Frame:
        method = str(request.header["method"])
        try:
            self._stream.send(request, deadline=deadline)
            reply = self._stream.receive(max_payload_bytes=max_reply_bytes, deadline=deadline)
        except TimeoutError:
            raise
        except (HalfFrame, OSError) as error:
            raise self._hung_up(method) from error
        except BadFrame as error:
            raise self._misbehaved(method, str(error)) from error
        if reply is None:
            raise self._hung_up(method)
        if reply.header.get("id") != request.header["id"]:
            raise self._misbehaved(method, "it sent a reply that was not asked for")
        return reply

    def _timed_out(self, method: str, used_before: float | None, timeout_seconds: float) -> ChildTimedOut:
        held_up = was_held_up(used_before, self.cpu_seconds(), seconds=timeout_seconds)
        self._terminate()
        self._await_ending()  # or `is_alive` would still say yes, and somebody give it the next call
        return ChildTimedOut(f"'{method}' took longer than it was given; the process was killed", was_held_up=held_up)

    def _revive(self, fault: object, method: str) -> Exception:
        try:
            return revive_fault(fault)
        except BadFrame as error:
            return self._misbehaved(method, str(error))

    def _hung_up(self, method: str) -> ChildDied:
        """Explain the end of the channel: as a rule the process is just ending, and is given time to say how."""
        if not self._ends_within(_HANG_UP_SECONDS):
            return self._misbehaved(method, "it hung up and went on running")
        self._terminate()
        return ChildDied(self._await_ending(), doing=method)

    def _misbehaved(self, method: str, fault: str) -> ChildMisbehaved:
        self._terminate()
        return ChildMisbehaved(self._await_ending(), doing=method, fault=fault)

    def _terminate(self) -> None:
        with self._descriptor_lock:
            if self._is_closed:
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pid_descriptor, signal.SIGKILL)
            for connection, side in ((self._channel, socket.SHUT_RDWR), (self._lifeline, socket.SHUT_WR)):
                with contextlib.suppress(OSError):  # the other side is gone already
                    connection.shutdown(side)

    def _ends_within(self, seconds: float) -> bool:
        with self._descriptor_lock:
            if self._is_closed:
                return True
            descriptor = os.dup(self._pid_descriptor)  # may be closed while we wait
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        finally:
            os.close(descriptor)

    def _await_ending(self) -> Ending:
        """Give the forkserver's word on how the child ended, once it was terminated."""
        with self._end_lock:
            if self._ending is None:
                self._ending = self._blame(self._read_ending())
            return self._ending

    def _read_ending(self) -> Ending:
        try:
            self._lifeline.settimeout(_END_SECONDS)
            message = self._lifeline.recv(_MAX_ENDING_BYTES)
        except OSError:  # TimeoutError included
            message = b""
        if message:
            return Ending.decode(message)
        # The forkserver is dead or stuck: it can't sweep up what the child had started.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return Ending()

    def _blame(self, ending: Ending) -> Ending:
        """Add what only the owner knows: whether it was its own kill that ended the child."""
        if not self._was_killed or ending.signal not in {None, signal.SIGKILL} or ending.exit_code is not None:
            return ending
        return replace(ending, was_killed=True, out_of_memory=self._killed_for_memory)
