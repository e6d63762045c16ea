"""Work on what is large, done beside the event loop: one piece at a time, and users in turn."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

from jobs_server.shielding import seen_through
from jobs_server.turns import FairSlots

Answer = TypeVar("Answer")

QUICK_BYTES: Final = 16 * 1024
"""Of a message: so much is read within some milliseconds, and sooner than a thread has it."""


class LargeWork:
    """Reads and checks what clients send. What is small it does at once.

    Of what is large it has one piece in memory, unfolded, however many are sent: a message takes ten times its size as
    objects. More threads would read no faster, as each needs the interpreter all the time.
    """

    def __init__(self) -> None:
        """Have nothing to do. For one event loop."""
        self._turns = FairSlots(1)

    async def do(self, user_id: UUID, size_bytes: int, work: Callable[[], Answer]) -> Answer:
        """Give what `work` gives, of something that is `size_bytes` in the client's message. Raises what it raises."""
        if size_bytes <= QUICK_BYTES:
            return work()
        async with self._turns.slot(user_id):
            return await seen_through(asyncio.ensure_future(asyncio.to_thread(work)))
