"""What the fast OpenQASM 3 loader prints, since its exception doesn't say what is wrong.

It writes to the process's standard streams from Rust, below Python's: so the descriptors themselves are turned aside.
That is the whole process's business, which is why parsing belongs into an inspector process of one thread.

They are turned into a pipe that is small and never waits: each complaint costs the loader time in proportion to the
file (20,000 of them a minute), and once the pipe is full the loader panics and is done.
"""

import fcntl
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PIPE_BYTES = 4096

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_DIAGNOSIS = re.compile(r"Error: (?P<words>[^\n]+)\n[^\n]*\[[^\]\n]*?:(?P<line>\d+):(?P<column>\d+)\]")
_STREAMS = (1, 2)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One complaint of the loader, with its place counted from 1."""

    message: str
    line: int
    column: int


class CapturedDiagnostics:
    """What was printed while the capture was on, up to PIPE_BYTES."""

    def __init__(self, descriptor: int) -> None:
        """Read from `descriptor`, the end of a pipe that doesn't wait."""
        self._descriptor = descriptor

    def first(self) -> Diagnosis | None:
        """Give the first complaint, or None where none has the known shape. What was read is gone."""
        try:
            text = os.read(self._descriptor, PIPE_BYTES).decode(errors="replace")
        except BlockingIOError:
            return None  # nothing was printed
        match = _DIAGNOSIS.search(_COLOUR.sub("", text))
        if match is None:
            return None
        return Diagnosis(match["words"], line=int(match["line"]), column=int(match["column"]))


@contextmanager
def capture_diagnostics() -> Iterator[CapturedDiagnostics]:
    """Turn standard output and error aside for the time of the block; nothing of it reaches the log."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    kept = [os.dup(stream) for stream in _STREAMS]
    try:
        for stream in _STREAMS:
            os.dup2(writing, stream)
        yield CapturedDiagnostics(reading)
    finally:
        for stream, copy in zip(_STREAMS, kept, strict=True):
            os.dup2(copy, stream)
        for descriptor in (reading, writing, *kept):
            os.close(descriptor)
