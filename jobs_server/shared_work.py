"""Work that several callers want at the same moment, done once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True, eq=False)
class _UnderWay(Generic[Key, Value]):
    """Work for some keys, and how many wait for it."""

    keys: Collection[Key]
    task: "asyncio.Task[Mapping[Key, Value | Exception]]"
    waiting: int = 0


class SharedWork(Generic[Key, Value]):
    """Lets callers of the same key wait for the same work. What it gives is not kept: see who uses it."""

    def __init__(self) -> None:
        """Have nothing under way."""
        self._under_way: dict[Key, _UnderWay[Key, Value]] = {}

    async def do(self, key: Key, work: Callable[[], Awaitable[Value]]) -> Value:
        """Give what `work` gives, or what the same work under way gives. Raises what it raises."""

        async def alone(_: Sequence[Key]) -> Sequence[Value | Exception]:
            return [await work()]

        (value,) = await self.do_all([key], alone)
        if isinstance(value, Exception):
            raise value
        return value

    async def do_all(
        self, keys: Sequence[Key], work: Callable[[Sequence[Key]], Awaitable[Sequence[Value | Exception]]]
    ) -> Sequence[Value | Exception]:
        """Give for each key what `work` gives, or what work under way gives; `work` is asked for the other keys alone.

        What it raises is the answer to all of them. It goes on if this caller goes away, and is cancelled with the last
        one who waits for any of its keys: nobody is kept waiting by work for clients that have left.
        """
        new = [key for key in dict.fromkeys(keys) if key not in self._under_way]
        if new:
            self._begin(new, work)
        mine = {key: self._under_way[key] for key in keys}
        shared = list({id(each): each for each in mine.values()}.values())
        await self._wait(shared)
        return [mine[key].task.result()[key] for key in keys]

    async def _wait(self, shared: Sequence[_UnderWay[Key, Value]]) -> None:
        for each in shared:
            each.waiting += 1
        try:
            await asyncio.wait([each.task for each in shared])
        except asyncio.CancelledError:
            for each in shared:
                if each.waiting == 1:
                    self._drop(each)
            raise
        finally:
            for each in shared:
                each.waiting -= 1

    def _begin(
        self, keys: Sequence[Key], work: Callable[[Sequence[Key]], Awaitable[Sequence[Value | Exception]]]
    ) -> None:
        shared = _UnderWay(keys, asyncio.create_task(_run(keys, work)))
        shared.task.add_done_callback(lambda _: self._forget(shared))
        self._under_way.update(dict.fromkeys(keys, shared))

    def _drop(self, shared: _UnderWay[Key, Value]) -> None:
        # At once, though it may take its time to end: who comes now begins anew, and isn't cancelled with it.
        self._forget(shared)
        shared.task.cancel()

    def _forget(self, shared: _UnderWay[Key, Value]) -> None:
        for key in shared.keys:
            if self._under_way.get(key) is shared:
                del self._under_way[key]


async def _run(
    keys: Sequence[Key], work: Callable[[Sequence[Key]], Awaitable[Sequence[Value | Exception]]]
) -> Mapping[Key, Value | Exception]:
    try:
        values = await work(keys)
    except Exception as error:  # noqa: BLE001 - it belongs to the callers, who raise it
        return dict.fromkeys(keys, error)
    return dict(zip(keys, values, strict=True))
