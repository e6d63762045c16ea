"""How a child ended, as told by the forkserver that reaped it."""

import json
import signal as signals
from dataclasses import asdict, dataclass
from typing import Self

EXIT_START_FAILED = 70
"""Exit code of a child that could not be confined or could not load its entry: it has seen no request."""

EXIT_OUT_OF_MEMORY = 71
"""Exit code of a child that ran out of memory where it could not report it, e.g. while reading a request."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended.

    One of `signal` and `exit_code` is set, or neither where nobody knows: its forkserver died too. `excess` says what
    it was killed for, where that was not memory. `last_words` is the end of what it wrote to standard error; it may
    quote a circuit, so it is never logged.
    """

    signal: int | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    was_killed: bool = False
    excess: str = ""
    last_words: str = ""

    def describe(self) -> str:
        """Tell it as the end of a sentence."""
        if self.out_of_memory:
            return "ran out of memory"
        if self.excess:
            return f"was killed: {self.excess}"
        if self.was_killed:
            return "was killed"
        if self.exit_code == EXIT_START_FAILED:
            lines = self.last_words.strip().splitlines()
            return f"could not start: {lines[-1] if lines else 'no reason given'}"
        if self.signal is not None:
            return f"died of signal {self.signal} ({_signal_name(self.signal)})"
        return "ended in an unknown way" if self.exit_code is None else f"ended with exit code {self.exit_code}"

    def encode(self) -> bytes:
        """Put it into JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote."""
        return cls(**json.loads(data))


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return "a real-time signal"
