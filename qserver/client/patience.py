"""How long the client tries again after a connection is lost, and how long it waits in between."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of one client, in seconds. What is retried is safe to repeat: submissions carry a request_id."""

    call_seconds: float = 30.0  #: a call that fails for so long is given up
    reconnect_seconds: float = 600.0  #: the same while waiting for results: a laptop that wakes needs its network first
    answer_seconds: float = 60.0  #: a single attempt may take so long
    upload_seconds: float = 600.0  #: the same for a large circuit, which a thin line carries slowly
    stream_seconds: float = 300.0  #: a stream is opened anew so often, whatever became of the connection below it
    first_delay_seconds: float = 0.1
    longest_delay_seconds: float = 5.0
    keepalive_seconds: float = 30.0  #: a silent connection is probed so often; unanswered, it is dead


class Deadline:
    """A moment by which the caller wants an answer; never, where no number of seconds is given."""

    def __init__(self, timeout_seconds: float | None) -> None:
        """Start the clock."""
        self._at = None if timeout_seconds is None else time.monotonic() + timeout_seconds

    def left(self, at_most_seconds: float) -> float:
        """Give the seconds that are left, 0 where none are, and no more than `at_most_seconds`."""
        return at_most_seconds if self._at is None else max(0.0, min(at_most_seconds, self._at - time.monotonic()))

    @property
    def has_passed(self) -> bool:
        """Whether it is too late."""
        return self._at is not None and time.monotonic() >= self._at


class Attempts:
    """One call that may be made several times. Delays double from attempt to attempt."""

    def __init__(self, patience: Patience, *, give_up_seconds: float, deadline: Deadline | None = None) -> None:
        """Allow failures for `give_up_seconds` on end, and no attempt after `deadline`."""
        self._patience = patience
        self._give_up_seconds = give_up_seconds
        self._deadline = deadline or Deadline(None)
        self._failing = Deadline(None)
        self.failures = 0  # on end

    def succeed(self) -> None:
        """Hear that the server answered: the next failure is a first one again."""
        self.failures = 0

    def next_delay_seconds(self) -> float | None:
        """Hear of a failure, and say how long to wait before the next attempt; None where there should be none."""
        if not self.failures:
            self._failing = Deadline(self._give_up_seconds)
        self.failures += 1
        if self._failing.has_passed or self._deadline.has_passed:
            return None
        doubled = self._patience.first_delay_seconds * 2 ** min(self.failures - 1, 16)
        return self._deadline.left(min(doubled, self._patience.longest_delay_seconds))
