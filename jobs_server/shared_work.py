"""Work that several callers want at the same moment, done once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True, eq=False)
class _UnderWay(Generic[Value]):
    """Work, and how many wait for it."""

    task: "asyncio.Task[Value]"
    waiting: int = 0


class SharedWork(Generic[Key, Value]):
    """Lets callers of the same key wait for the same work. What it gives is not kept: see who uses it."""

    def __init__(self) -> None:
        """Have nothing under way."""
        self._under_way: dict[Key, _UnderWay[Value]] = {}

    async def do(self, key: Key, work: Callable[[], Awaitable[Value]]) -> Value:
        """Give what `work` gives, or what the same work under way gives.

        It goes on if this caller goes away, and is cancelled with the last one: nobody is kept waiting by work for
        clients that have left.
        """
        if key not in self._under_way:
            self._under_way[key] = self._begin(key, work)
        shared = self._under_way[key]
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        except asyncio.CancelledError:
            if shared.waiting == 1:
                self._drop(key, shared)
            raise
        finally:
            shared.waiting -= 1

    def _begin(self, key: Key, work: Callable[[], Awaitable[Value]]) -> "_UnderWay[Value]":
        shared = _UnderWay(asyncio.create_task(_run(work)))
        shared.task.add_done_callback(lambda _: self._end(key, shared))
        return shared

    def _drop(self, key: Key, shared: "_UnderWay[Value]") -> None:
        # At once, though it may take its time to end: who comes now begins anew, and isn't cancelled with it.
        self._forget(key, shared)
        shared.task.cancel()

    def _end(self, key: Key, shared: "_UnderWay[Value]") -> None:
        self._forget(key, shared)
        if not shared.task.cancelled():
            shared.task.exception()  # looked at: it is no news when every caller went away

    def _forget(self, key: Key, shared: "_UnderWay[Value]") -> None:
        if self._under_way.get(key) is shared:
            del self._under_way[key]


async def _run(work: Callable[[], Awaitable[Value]]) -> Value:
    return await work()
