"""Work that comes while other work of its kind is under way waits a moment for more of it, so that calls share."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Company(Generic[Key]):
    """Knows which calls are under way, and lets the next of a kind wait for company meanwhile. For one event loop.

    Nobody waits where nothing of the kind is under way, and nobody for longer than `longest_seconds`.
    """

    def __init__(self, *, enough: int, longest_seconds: float) -> None:
        """Let nobody wait who comes with `enough` others."""
        self._enough = enough
        self._longest_seconds = longest_seconds
        self._under_way: Counter[Key] = Counter()
        self._awaited: dict[Key, asyncio.Future[None]] = {}

    @contextmanager
    def call(self, key: Key) -> Iterator[None]:
        """Have a call under way for the time of the block."""
        self._under_way[key] += 1
        try:
            yield
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]
            self._wake(key)

    def tell(self, key: Key, number: int) -> None:
        """Hear that so many are together by now."""
        if number >= self._enough:
            self._wake(key)

    async def wait(self, key: Key, number: int) -> None:
        """Return once there is company for so many, once a call of the kind has ended, or after the longest time.

        One at a time may wait for company of a kind.
        """
        if key not in self._under_way or number >= self._enough:
            return
        awaited = self._awaited[key] = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(self._longest_seconds, self._wake, key)
        try:
            await awaited
        finally:
            timer.cancel()
            self._awaited.pop(key, None)

    def _wake(self, key: Key) -> None:
        awaited = self._awaited.pop(key, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)
