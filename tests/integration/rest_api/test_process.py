"""`python -m rest_api` as a process: it serves, drains on SIGTERM, and says why where it can't start."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from tests.servers.ports import free_port
from tests.waiting import until

DEADLINE_SECONDS = 60


def _environment(**variables: str) -> Mapping[str, str]:
    return {**os.environ, "QSERVER_BROKER_URL": "memory://", **variables}


@asynccontextmanager
async def _started(environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "rest_api"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _answers(port: int) -> bool:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            return (await client.get("/api/v1/health")).is_success
        except httpx.TransportError:
            return False


async def test_it_serves_and_ends_well_on_sigterm(postgres_database_url: str) -> None:
    port = free_port()
    environment = _environment(QSERVER_HTTP_PORT=str(port), QSERVER_DATABASE_URL=postgres_database_url)
    async with _started(environment) as process:
        await until(lambda: _answers(port), timeout_seconds=DEADLINE_SECONDS)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_SECONDS):
            output, errors = await process.communicate()

    assert process.returncode == 0
    assert b"rest_api_stopped" in output
    assert b"Traceback" not in output + errors


async def test_a_wrong_setting_ends_it_with_a_sentence() -> None:
    async with _started(_environment(QSERVER_HTTP_PORT="99999")) as process, asyncio.timeout(DEADLINE_SECONDS):
        _, errors = await process.communicate()

    assert process.returncode == 1
    assert errors.startswith(b"rest_api: wrong settings: QSERVER_HTTP_PORT")
