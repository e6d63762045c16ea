"""Calls that arrive at the same moment, answered together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Call(Generic[Item, Answer]):
    """Items that one caller waits for."""

    items: Sequence[Item]
    answers: "asyncio.Future[Sequence[Answer]]"


class Batcher(Generic[Item, Answer]):
    """Gathers the items of many callers and hands them to `work` in one go, one batch at a time.

    The first caller of a quiet moment waits `delay_seconds` for company; what arrives while a batch is at work makes up
    the next one, so under load batches grow and nobody waits in vain. `work` gives one answer an item, in order. What
    it raises reaches every caller of that batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        delay_seconds: float,
        max_items: int,
        size_bytes: Callable[[Item], int] = lambda _: 0,
        max_bytes: int = 0,
    ) -> None:
        """Do nothing yet; a call of more than `max_items`, or `max_bytes` by `size_bytes`, travels alone."""
        self._work = work
        self._delay_seconds = delay_seconds
        self._max_items = max_items
        self._size_bytes = size_bytes
        self._max_bytes = max_bytes
        self._waiting: list[_Call[Item, Answer]] = []
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, items: Sequence[Item]) -> Sequence[Answer]:
        """Give the answers to `items`, in order. A caller that is cancelled before its batch starts leaves no trace."""
        call: _Call[Item, Answer] = _Call(items, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await call.answers

    async def drain(self) -> None:
        """Wait until everything that was submitted is answered."""
        while self._runner is not None:
            await asyncio.wait({self._runner})

    async def _run(self) -> None:
        try:
            await asyncio.sleep(self._delay_seconds)
            while calls := self._take():
                await self._answer(calls)
        finally:
            self._runner = None

    def _take(self) -> Sequence[_Call[Item, Answer]]:
        self._waiting = [call for call in self._waiting if not call.answers.done()]
        count, items, filled_bytes = 0, 0, 0
        for call in self._waiting:
            items += len(call.items)
            filled_bytes += sum(map(self._size_bytes, call.items))
            if count and (items > self._max_items or filled_bytes > self._max_bytes):
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def _answer(self, calls: Sequence[_Call[Item, Answer]]) -> None:
        try:
            answers = await self._work([item for call in calls for item in call.items])
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, who raise it
            for call in calls:
                with suppress(asyncio.InvalidStateError):  # a caller that went away
                    call.answers.set_exception(error)
            return
        start = 0
        for call in calls:
            with suppress(asyncio.InvalidStateError):
                call.answers.set_result(answers[start : start + len(call.items)])
            start += len(call.items)
