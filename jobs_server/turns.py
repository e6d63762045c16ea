"""Turns: a few slots, shared fairly between users."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID


class FairSlots:
    """Slots that go, when many wait, to the user who holds the fewest, and among equals to who was served longest ago.

    So a user may hold every slot while nobody else waits, and gets one at a time as soon as others do. Of those who are
    known to be slow all together leave one slot to the others, who would wait for long.
    """

    def __init__(self, slots: int, *, is_slow: Callable[[UUID], bool] = lambda _: False) -> None:
        """Begin with `slots` free ones."""
        self._free = slots
        self._slots_of_slow = max(1, slots - 1)
        self._is_slow = is_slow
        self._held: Counter[UUID] = Counter()
        # In the order of turns: who was served last stands last.
        self._waiting: OrderedDict[UUID, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, user_id: UUID) -> AsyncIterator[None]:
        """Hold a slot within the block; wait for one first."""
        await self._acquire(user_id)
        try:
            yield
        finally:
            self._release(user_id)

    async def _acquire(self, user_id: UUID) -> None:
        if self._free and not self._waiting and self._may_take(user_id):
            self._grant(user_id)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user_id, deque()).append(turn)
        self._serve_next()  # those who wait may all be slow
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(user_id, turn)
            raise

    def _leave(self, user_id: UUID, turn: "asyncio.Future[None]") -> None:
        if not turn.cancelled():  # the slot was granted at the moment the caller went away
            self._release(user_id)
        elif turn in self._waiting.get(user_id, ()):
            self._waiting[user_id].remove(turn)
            self._drop_if_idle(user_id)

    def _drop_if_idle(self, user_id: UUID) -> None:
        if not self._waiting[user_id]:
            del self._waiting[user_id]

    def _may_take(self, user_id: UUID) -> bool:
        if not self._is_slow(user_id):
            return True
        return sum(held for holder, held in self._held.items() if self._is_slow(holder)) < self._slots_of_slow

    def _grant(self, user_id: UUID) -> None:
        self._free -= 1
        self._held[user_id] += 1

    def _release(self, user_id: UUID) -> None:
        self._free += 1
        self._held[user_id] -= 1
        if not self._held[user_id]:
            del self._held[user_id]
        self._serve_next()

    def _serve_next(self) -> None:
        while self._free and (able := [user_id for user_id in self._waiting if self._may_take(user_id)]):
            user_id = min(able, key=self._held.__getitem__)  # min keeps the first among equals
            turn = self._waiting[user_id].popleft()
            self._waiting.move_to_end(user_id)
            self._drop_if_idle(user_id)
            if not turn.cancelled():
                self._grant(user_id)
                turn.set_result(None)
