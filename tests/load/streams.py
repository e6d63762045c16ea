"""Many open event streams at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

OPEN_SECONDS = 120.0


class Streams:
    """Streams of one job's events, opened by one client and kept open until it closes."""

    def __init__(self, client: httpx.AsyncClient, opened: AsyncExitStack, job_id: str) -> None:
        """Have none yet."""
        self._client = client
        self._opened = opened
        self._job_id = job_id
        # An iterator that nobody holds is closed, and its connection with it.
        self._held: list[AsyncIterator[str]] = []

    async def open(self, number: int) -> Counter[int]:
        """Open some more at the same time; tells how many were answered with what, once each has its first event."""
        return Counter(await asyncio.gather(*(self._open() for _ in range(number))))

    async def _open(self) -> int:
        answer = await self._opened.enter_async_context(
            self._client.stream("GET", f"/api/v1/job/{self._job_id}/events")
        )
        if answer.is_success:
            lines = answer.aiter_lines()
            self._held.append(lines)
            await anext(lines)
        return answer.status_code


@asynccontextmanager
async def streams_of(url: str, job_id: str) -> AsyncIterator[Streams]:
    """Give what opens streams; all are closed at the end of the block."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx.AsyncClient(base_url=url, limits=limits, timeout=OPEN_SECONDS) as client,
        AsyncExitStack() as opened,
    ):
        yield Streams(client, opened, job_id)
