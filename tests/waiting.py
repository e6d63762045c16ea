"""Waiting for a condition, never longer than told: from a thread, and from an event loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

PATIENCE_SECONDS = 30.0
"""Far more than anything takes on a slow machine: only a test that fails waits so long."""


def wait_until(
    is_met: Callable[[], bool], *, timeout_seconds: float = PATIENCE_SECONDS, what: str = "what was waited for"
) -> None:
    """Return as soon as `is_met` says so. Raises TimeoutError that names `what` was waited for."""
    deadline = time.monotonic() + timeout_seconds
    while not is_met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so within {timeout_seconds:g} s")
        time.sleep(0.01)


def seconds_until(is_met: Callable[[], bool]) -> float:
    """Wait as `wait_until` does, and give how long it took."""
    started_at = time.monotonic()
    wait_until(is_met)
    return time.monotonic() - started_at


async def until(is_met: Callable[[], bool | Awaitable[bool]], *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
    """Let the loop and its threads go on until `is_met` says so. Raises TimeoutError."""
    async with asyncio.timeout(timeout_seconds):
        # What is waited for happens in threads or elsewhere, which set no asyncio.Event.
        while not (await met if isawaitable(met := is_met()) else met):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
