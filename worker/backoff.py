"""Asking a neighbour again: how long to wait between tries."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

import structlog

from qserver.errors import Unavailable

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 5.0

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Backoff:
    """A wait that doubles with each try up to a limit, and varies so that many workers don't ask in step."""

    first_seconds: float = FIRST_SECONDS
    longest_seconds: float = LONGEST_SECONDS
    jitter: Callable[[], float] = random.random  # in [0, 1)

    def seconds(self, failures: int) -> float:
        """Give the wait after `failures` failures in a row (1 or more): half of it is certain, half by chance."""
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + self.jitter() / 2)


def until_answered(action: Callable[[], _Answer], *, given_up: Event, backoff: Backoff) -> _Answer | None:
    """Call `action` until it doesn't raise Unavailable; None once `given_up` is set.

    `action` must be safe to repeat: the call that failed may have been carried out.
    """
    failures = 0
    while not given_up.is_set():
        try:
            return action()
        except Unavailable as error:
            failures += 1
            log.warning("neighbour_unavailable", error=error.message, failures=failures)
            given_up.wait(backoff.seconds(failures))
    return None
