"""Pauses in long work of the event loop, so that no caller waits for all that another has sent."""

import asyncio
from time import perf_counter
from typing import Final

LONGEST_SECONDS: Final = 0.005
"""Of work between two pauses, but for the piece that passes it."""


class Pauses:
    """Gives others their turn between pieces of work, as soon as the last few took long. For one piece of work."""

    def __init__(self, *, longest_seconds: float = LONGEST_SECONDS) -> None:
        """Begin now."""
        self._longest_seconds = longest_seconds
        self._began_at_seconds = perf_counter()

    @property
    def is_due(self) -> bool:
        """Whether others have waited for long. Asked before each `take`: a pause that isn't due costs a tenth so."""
        return perf_counter() - self._began_at_seconds >= self._longest_seconds

    async def take(self) -> None:
        """Let everybody else who is ready go first."""
        await asyncio.sleep(0)
        self._began_at_seconds = perf_counter()
