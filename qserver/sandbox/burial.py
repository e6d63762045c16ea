"""A child as its forkserver keeps it: killed with all that it started, and reported to its owner when it has ended."""

import contextlib
import os
import signal
import socket
from dataclasses import dataclass, field

from qserver.sandbox.ending import EXIT_OUT_OF_MEMORY, Ending
from qserver.sandbox.memory import Use, ran_out_of_memory
from qserver.sandbox.spawning import Started

_LAST_WORDS_BYTES = 4096


@dataclass(slots=True)
class ChildRecord:
    """A living child; `memory_limit_bytes` as `memory.Use` counts them, None where nobody watches it."""

    pid: int
    lifeline: socket.socket
    errors_reader: int
    memory_limit_bytes: int | None
    max_tasks: int
    has_company: bool  # whether it may start processes
    kernel_kills_before: int | None
    _last_words: bytearray = field(default_factory=bytearray)
    _passed_memory: bool = False
    _excess: str = ""

    def announce(self) -> None:
        """Hand its owner a descriptor of the process: unlike its number, that can never mean another process."""
        descriptor = os.pidfd_open(self.pid)
        try:
            with contextlib.suppress(OSError):  # the owner is gone; its hanging up is seen next
                socket.send_fds(self.lifeline, [Started(pid=self.pid).encode()], [descriptor])
        finally:
            os.close(descriptor)

    def hear(self, max_bytes: int) -> bool:
        """Take in what it wrote to standard error, of which the end is kept. False where it will write no more."""
        try:
            words = os.read(self.errors_reader, max_bytes)
        except BlockingIOError:
            return True
        self._last_words += words
        del self._last_words[:-_LAST_WORDS_BYTES]
        return bool(words)

    def kill_if_above(self, use: Use) -> None:
        """Kill it where it uses more than it may."""
        if use.tasks > self.max_tasks:
            self._excess = f"it had {use.tasks:,} processes and threads; the limit is {self.max_tasks:,}"
            self.kill()
        elif self.memory_limit_bytes is not None and use.memory_bytes > self.memory_limit_bytes:
            self._passed_memory = True
            self.kill()

    def kill(self) -> None:
        """Kill the child and its process group. Only while it isn't buried: until then its number is its own."""
        os.kill(self.pid, signal.SIGKILL)  # a newborn leads no group yet
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Kill what it left behind, reap it, tell its owner how it ended, and let go of all that was kept for it."""
        self.kill()
        _, status = os.waitpid(self.pid, 0)
        self.hear(_LAST_WORDS_BYTES * 16)  # a pipe's worth: all that it can have written since it was last heard
        os.close(self.errors_reader)
        with self.lifeline, contextlib.suppress(OSError):
            self.lifeline.send(self._judge(status).encode())

    def _judge(self, status: int) -> Ending:
        code = os.waitstatus_to_exitcode(status)
        signal_number = -code if code < 0 else None
        last_words = self._last_words.decode("utf-8", "replace")
        is_memory = self._passed_memory or (
            not self._excess
            and ran_out_of_memory(
                signal_number=signal_number, last_words=last_words, kills_before=self.kernel_kills_before
            )
        )
        return Ending(
            signal=signal_number,
            exit_code=code if code >= 0 else None,
            out_of_memory=is_memory or code == EXIT_OUT_OF_MEMORY,
            excess=self._excess,
            last_words=last_words,
        )
