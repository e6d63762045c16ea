"""A connection to RabbitMQ that heals by itself, in a thread that keeps its heartbeats whatever its callers do."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from typing import TypeVar

import structlog
from pika.connection import Parameters

from qserver.broker.connection import Connection, place
from qserver.errors import Unavailable

_Answer = TypeVar("_Answer")
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0
_MARGIN_SECONDS = 5.0

_log = structlog.get_logger(__name__)


def retry_delays() -> Iterator[float]:
    """Give the seconds to wait after the first, second, ... attempt in a row that failed."""
    delay = _FIRST_DELAY_SECONDS
    while True:
        yield delay
        delay = min(2 * delay, _LONGEST_DELAY_SECONDS)


class Link:
    """Keeps one connection open from construction to `close`."""

    def __init__(self, parameters: Parameters, *, timeout_seconds: float) -> None:
        """Begin to connect in the background; `timeout_seconds` bounds every wait for the broker."""
        self.place = place(parameters)
        self.timeout_seconds = timeout_seconds
        self._parameters = parameters
        self._connection: Connection | None = None  # the open one
        self._latest: Connection | None = None  # the one to close in the end, open or not yet
        self._failure = ""
        self._connections = 0
        self._is_open = asyncio.Event()
        self._is_decided = asyncio.Event()  # open, or the latest attempt has failed
        self._is_closing = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=f"broker-{self.place}", daemon=True)
        self._thread.start()

    @property
    def generation(self) -> int:
        """How many times the connection was lost and made anew."""
        return max(0, self._connections - 1)

    def call(
        self, work: Callable[[], Coroutine[object, None, _Answer]], *, limit_seconds: float | None = None
    ) -> _Answer:
        """Await `work()` in the link's thread and give what it gives.

        Raises Unavailable after `limit_seconds` (the link's own without one), or when the link closes.
        """
        limit = self.timeout_seconds if limit_seconds is None else limit_seconds
        bounded = _bounded(work, limit)
        try:
            future = asyncio.run_coroutine_threadsafe(bounded, self._loop)
        except RuntimeError:
            bounded.close()
            raise self._closed() from None
        try:
            # The limit itself is kept inside the loop; the margin is for a loop that ends meanwhile.
            return future.result(limit + _MARGIN_SECONDS)
        except CancelledError:
            raise self._closed() from None
        except TimeoutError:
            raise self._late(limit) from None

    def post(self, action: Callable[[], None]) -> None:
        """Have `action` run in the link's thread soon. Does nothing once the link is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action)

    async def connection(self) -> Connection:
        """Give the open connection; waits for an attempt that is on its way.

        Raises Unavailable at once while the broker can't be reached, until a later attempt has succeeded.
        """
        await self._is_decided.wait()
        if self._connection is None:
            raise Unavailable(self._failure)
        return self._connection

    async def opened(self) -> Connection:
        """Give the open connection; waits until there is one."""
        while self._connection is None:
            await self._is_open.wait()
        return self._connection

    def close(self) -> None:
        """Close the connection and end the thread. Safe to repeat."""
        self.post(self._is_closing.set)
        self._thread.join(self.timeout_seconds + _MARGIN_SECONDS)

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        keeper = asyncio.create_task(self._stay_connected())
        closing = asyncio.create_task(self._is_closing.wait())
        await asyncio.wait({keeper, closing}, return_when=asyncio.FIRST_COMPLETED)
        if keeper.done():
            keeper.result()  # it never ends by itself: raises what ended it
        keeper.cancel()
        if self._latest is not None:
            await self._latest.close(patience_seconds=self.timeout_seconds / 3)

    async def _stay_connected(self) -> None:
        delays = retry_delays()
        while True:
            connection = self._latest = Connection(self._parameters)
            try:
                await connection.open()
            except Unavailable as error:
                self._note_failure(error.message)
                await asyncio.sleep(next(delays))
                continue
            delays = retry_delays()
            self._note_opening(connection)
            self._note_loss(await connection.ended())

    def _note_opening(self, connection: Connection) -> None:
        self._connection = connection
        self._connections += 1
        self._failure = ""
        self._is_open.set()
        self._is_decided.set()
        _log.info("broker_connected", broker=self.place, generation=self.generation)

    def _note_loss(self, reason: str) -> None:
        self._connection = None
        self._is_open.clear()
        self._is_decided.clear()
        _log.warning("broker_connection_lost", broker=self.place, reason=reason)

    def _note_failure(self, sentence: str) -> None:
        if not self._failure:  # once an outage is enough
            _log.warning("broker_unreachable", broker=self.place, reason=sentence)
        self._failure = sentence
        self._is_decided.set()

    def _closed(self) -> Unavailable:
        return Unavailable(f"the connection to RabbitMQ at {self.place} was closed")

    def _late(self, limit: float) -> Unavailable:
        connection = self._connection
        why = f"; it takes no messages: {connection.blocked_reason}" if connection and connection.blocked_reason else ""
        return Unavailable(
            f"RabbitMQ at {self.place} did not answer within {limit:g} s (QSERVER_BROKER_TIMEOUT_SECONDS){why}"
        )


async def _bounded(work: Callable[[], Coroutine[object, None, _Answer]], limit: float) -> _Answer:
    async with asyncio.timeout(limit):
        return await work()
