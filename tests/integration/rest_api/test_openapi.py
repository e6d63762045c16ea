"""The OpenAPI document says what the service does: every operation is tried with right and wrong input."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from pydantic import SecretStr

from qserver.settings import DatabaseSettings, LimitSettings, Settings
from tests.unit.rest_api.site import InstantJobsServer, Site, build_site, prepare_database

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
EXAMPLES = 10
DEADLINE_SECONDS = 300
"""Four times what it takes on two busy cores."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An application in which jobs finish at once."""
    url = SecretStr(f"sqlite:///{tmp_path}/qserver.db")
    settings = Settings(
        database=DatabaseSettings(database_url=url),
        limits=LimitSettings(max_upload_idle_seconds=0.5),  # some requests announce a body that never comes
    )
    prepare_database(settings.database)
    built = build_site(settings, InstantJobsServer)
    built.finish(built.submit())
    built.services.event_hub.start()
    yield built
    built.services.event_hub.close()
    await built.client.aclose()
    built.database.close()


@pytest.fixture
async def address(site: Site) -> AsyncIterator[str]:
    """Where it listens."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.mark.timeout(DEADLINE_SECONDS + 60)
async def test_every_operation_keeps_its_promises(address: str, tmp_path: Path) -> None:
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"),
        *(f"{address}/openapi.json", "--checks", "all", "--max-examples", str(EXAMPLES)),
        *("--no-color", "--continue-on-failure", "--seed", "1", "--request-timeout", "10"),
    )

    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise

    assert process.returncode == 0, output.decode()
