"""The time, as a parameter: code that needs it takes a `Clock`, tests give it a `FakeClock`.

Leases are never judged by these clocks but by the database's own, so that machines whose clocks differ agree.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Give the present moment, aware and in UTC."""

    def monotonic_seconds(self) -> float:
        """Give seconds that never run backwards, for measuring spans."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the present moment, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Give seconds that never run backwards."""
        return time.monotonic()


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Stand at `start`."""
        self._start = start
        self._elapsed_seconds = 0.0

    def now(self) -> datetime:
        """Give the moment it was moved to."""
        return self._start + timedelta(seconds=self._elapsed_seconds)

    def monotonic_seconds(self) -> float:
        """Give the seconds it was moved by."""
        return self._elapsed_seconds

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._elapsed_seconds += seconds
