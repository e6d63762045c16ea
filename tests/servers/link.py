"""A link between two parts: a small TCP proxy that a test can cut, stall and slow."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import TypeVar

_HOST = "127.0.0.1"
_CHUNK_BYTES = 64 * 1024
_ANSWER_SECONDS = 10.0
_NO_GOODBYE = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds

Answer = TypeVar("Answer")


class Link:
    """Passes on what comes to `port`. Its own thread serves it, from the constructor until `close`."""

    def __init__(self, target_port: int, *, port: int = 0) -> None:
        """Lead to a port of this machine, whether or not anything listens there yet; 0 takes a free port."""
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"link to {target_port}", daemon=True)
        self._thread.start()
        self._pipes: set[asyncio.Task[None]] = set()
        self._is_cut = False
        self._delay_seconds = 0.0
        self._flows = asyncio.Event()
        self._flows.set()
        self._server = self._await(self._listen(port))
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._accept, _HOST, port)

    def cut(self) -> None:
        """Reset every connection, and each new one at once, until `mend`."""
        self._is_cut = True
        self._await(self._end_pipes())

    def stall(self) -> None:
        """Take everything in and pass nothing on, until `mend`."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def slow(self, delay_seconds: float) -> None:
        """Pass on one chunk of at most 64 KiB each `delay_seconds`, in each direction, until `mend`."""
        self._delay_seconds = delay_seconds

    def mend(self) -> None:
        """Be a good link again. What was cut stays cut: who was connected must connect anew."""
        self._is_cut = False
        self._delay_seconds = 0.0
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        """Cut it for good and end the thread. Safe to repeat."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._server.close)  # it belongs to the loop
            self.cut()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_ANSWER_SECONDS)
            self._loop.close()

    def _await(self, work: Coroutine[None, None, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_SECONDS)

    async def _end_pipes(self) -> None:
        pipes = tuple(self._pipes)
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            _reset(writer)
            return
        pipe = asyncio.create_task(self._pipe(reader, writer))
        self._pipes.add(pipe)
        pipe.add_done_callback(self._pipes.discard)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on both ways until both ends are done; where one breaks off or the link is cut, break off the other."""
        try:
            its_reader, its_writer = await asyncio.open_connection(_HOST, self._target_port)
        except OSError:
            _reset(writer)
            return
        end: Callable[[asyncio.StreamWriter], None] = _reset
        with contextlib.suppress(OSError):
            try:
                await asyncio.gather(self._pass_on(reader, its_writer), self._pass_on(its_reader, writer))
                end = asyncio.StreamWriter.close
            finally:
                for each in (writer, its_writer):
                    end(each)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            await asyncio.sleep(self._delay_seconds)
            await self._flows.wait()
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection without a goodbye: whoever reads from it gets an error, not an end of file."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_GOODBYE)
    writer.transport.abort()
