"""One AMQP connection of pika's, opened and closed by awaiting. What goes wrong is told in a sentence."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.connection import Parameters
from pika.exceptions import AMQPError
from pika.frame import Method
from pika.spec import Connection as Spec

from qserver.broker.channel import Channel, resolver
from qserver.errors import Unavailable

if TYPE_CHECKING:
    from pika.channel import Channel as RawChannel


def place(parameters: Parameters) -> str:
    """Name host and port, never user or password."""
    return f"{parameters.host}:{parameters.port}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Unwrap pika's errors about errors, outermost first."""
    yield error
    inner = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)


def sentence(error: BaseException) -> str:
    """Say in a few words what pika's error is about."""
    *_, innermost = _causes(error)
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror
    if reply := getattr(innermost, "reply_text", ""):
        return str(reply)
    # The text of pika's own errors is a tuple in brackets; what was passed to them reads better.
    return " ".join(str(part) for part in innermost.args) or type(innermost).__name__


class Connection:
    """An open connection. Lives in the thread of one event loop."""

    def __init__(self, parameters: Parameters) -> None:
        """Prepare; `open` connects."""
        loop = asyncio.get_running_loop()
        self._place = place(parameters)
        self._is_decided = asyncio.Event()
        self._end: asyncio.Future[str] = loop.create_future()
        self.blocked_reason = ""
        """Why the broker takes no messages at the moment (short of memory or disk); empty while it does."""
        self._raw = AsyncioConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_end,
            on_close_callback=self._on_end,
            custom_ioloop=loop,
        )
        self._raw.add_on_connection_blocked_callback(self._on_blocked)
        self._raw.add_on_connection_unblocked_callback(self._on_unblocked)

    async def open(self) -> None:
        """Wait until it is open. Raises Unavailable with the reason why it can't be."""
        await self._is_decided.wait()
        if self._end.done():
            raise Unavailable(f"RabbitMQ at {self._place} can't be reached: {self._end.result()}")

    async def open_channel(self) -> Channel:
        """Open a channel. Raises Unavailable."""
        opened: asyncio.Future[RawChannel] = asyncio.get_running_loop().create_future()
        try:
            raw = self._raw.channel(on_open_callback=resolver(opened))
        except AMQPError as error:
            raise Unavailable(f"RabbitMQ at {self._place} was lost: {sentence(error)}") from error
        channel = Channel(raw, self._place)
        await channel.answered(opened)
        return channel

    async def ended(self) -> str:
        """Wait until it has ended in whatever way; gives the reason."""
        return await asyncio.shield(self._end)  # whoever stops waiting doesn't stop the others

    async def close(self, *, patience_seconds: float) -> None:
        """Close it in order; drop it when the broker hasn't agreed after `patience_seconds`, spent at most three times.

        One that is still being opened is waited for first: pika, told to stop in the middle, forgets its socket.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_decided.wait(), patience_seconds)
        if not (self._raw.is_closing or self._raw.is_closed):
            self._raw.close()
        await asyncio.wait({self._end}, timeout=patience_seconds)
        if not self._end.done():
            # pika waits for the broker's goodbye for ever, and has no public way to leave without it.
            self._raw._adapter_disconnect_stream()  # noqa: SLF001
            await asyncio.wait({self._end}, timeout=patience_seconds)

    def _on_open(self, _connection: object) -> None:
        self._is_decided.set()

    def _on_end(self, _connection: object, error: BaseException) -> None:
        if not self._end.done():
            self._end.set_result(sentence(error))
        self._is_decided.set()

    def _on_blocked(self, _connection: object, frame: Method[Spec.Blocked]) -> None:
        self.blocked_reason = str(frame.method.reason)

    def _on_unblocked(self, _connection: object, _frame: object) -> None:
        self.blocked_reason = ""
