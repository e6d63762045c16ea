"""Who opens a connection and never says what they want (slow loris): let go of, while others are answered."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from rest_api.protocol import PromptProtocol
from rest_api.service import RestApi
from tests.integration.rest_api.test_service import client, service, settings, stage

__all__ = ["client", "service", "settings", "stage"]

HEAD_SECONDS = 0.5
HEAD = b"GET /api/v1/limits HTTP/1.1\r\nHost: localhost\r\n"
CONNECTIONS = 200


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PromptProtocol, "head_seconds", HEAD_SECONDS)


async def connect(service: RestApi) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", service.port)


async def leave(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a header that never ends, a byte at a time, until nobody listens any more."""
    writer.write(HEAD + b"X-Drip: ")
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(HEAD_SECONDS / 20)


@pytest.fixture
async def dripping(service: RestApi) -> AsyncIterator[asyncio.StreamReader]:
    """The answers to somebody who drips."""
    reader, writer = await connect(service)
    dripper = asyncio.create_task(drip(writer))
    yield reader
    dripper.cancel()
    await leave(writer)


async def test_a_head_that_drips_is_told_to_hurry_and_closed(dripping: asyncio.StreamReader) -> None:
    answer = await asyncio.wait_for(dripping.read(), 30)

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Content-Type: application/problem+json" in answer
    assert b'"msg":"the head of the request did not come within 0.5 seconds"' in answer


async def test_a_connection_without_a_word_is_closed_without_one(service: RestApi) -> None:
    reader, writer = await connect(service)

    assert await asyncio.wait_for(reader.read(), 30) == b""
    await leave(writer)


async def test_a_second_head_that_stops_is_closed_like_a_first(service: RestApi) -> None:
    reader, writer = await connect(service)
    writer.write(HEAD + b"\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    length = re.search(rb"content-length: (\d+)", head.lower())
    body = await asyncio.wait_for(reader.readexactly(int(length[1]) if length else 0), 30)
    writer.write(HEAD)

    second = await asyncio.wait_for(reader.read(), 30)

    await leave(writer)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body
    assert second.startswith(b"HTTP/1.1 408 Request Timeout")


@pytest.mark.usefixtures("dripping")
async def test_others_are_answered_while_hundreds_say_nothing(
    service: RestApi, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PromptProtocol, "head_seconds", 3.0)  # none may have ended before the last has begun
    async with contextlib.AsyncExitStack() as connections:
        readers = []
        for _ in range(CONNECTIONS):
            reader, writer = await connect(service)
            connections.push_async_callback(leave, writer)
            writer.write(HEAD)
            readers.append(reader)
        started = time.monotonic()

        answer = await client.get("/api/v1/limits")

        assert answer.status_code == 200
        assert time.monotonic() - started < 10
        for reader in readers:
            assert b" 408 " in await asyncio.wait_for(reader.read(), 30)
