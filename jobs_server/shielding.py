"""Waiting for a thread that can't be stopped, on behalf of callers who may go away."""

import asyncio
from typing import TypeVar

Answer = TypeVar("Answer")


async def seen_through(call: "asyncio.Future[Answer]") -> Answer:
    """Give what a thread gives, and raise what it raises; who is cancelled waits until the thread has come back.

    It is at work until then, whether or not the caller still waits: what the caller holds for it stays held.
    """
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.wait({call})
        call.exception()  # looked at: how it went is no news when nobody waits for it
        raise
    finally:
        del call  # it may hold an error, whose trace holds this frame: only the collector would part them
