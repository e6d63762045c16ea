"""How asynchronous services end: the first SIGINT or SIGTERM drains, the second hurries."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol


class StopSignals:
    """Signals that ask the process to end, as events of the running loop."""

    def __init__(self) -> None:
        """Listen from now on. Raises RuntimeError outside a running event loop."""
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._hear)

    def _hear(self) -> None:
        (self.second if self.first.is_set() else self.first).set()

    def pretend_first(self) -> None:
        """Ask for the end as a first signal would; from any thread."""
        self._loop.call_soon_threadsafe(self.first.set)

    async def run_unless_told(self, work: Coroutine[None, None, None]) -> bool:
        """Run `work` until it is done or a signal comes. Gives whether it was done; what it raises is raised here."""
        working = asyncio.create_task(work)
        await _either(working, self.first)
        if working.done():
            working.result()
            return True
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        return False

    async def stop(self, stop: Coroutine[None, None, None], hurry: Callable[[], Awaitable[None]]) -> None:
        """Run `stop` to its end, and `hurry` beside it once the second signal comes."""
        stopping = asyncio.create_task(stop)
        await _either(stopping, self.second)
        if not stopping.done():
            await hurry()
        await stopping


async def _either(work: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for the work or the event, whichever comes first."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


class Service(Protocol):
    """What is served until it is told to end."""

    async def start(self) -> None:
        """Return when requests are answered."""

    async def stop(self) -> None:
        """Drain and end; right also after a start that was given up."""

    async def hurry(self) -> None:
        """Cut short the time that `stop` gives."""


async def serve_until_told(service: Service) -> None:
    """Start the service, let it serve until the first signal, and stop it. Gives up a start that a signal overtakes."""
    signals = StopSignals()
    try:
        if await signals.run_unless_told(service.start()):
            await signals.first.wait()
    finally:
        await signals.stop(service.stop(), service.hurry)
