"""The OpenAPI document says what the service does: every operation is tried with right and wrong input."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from pydantic import SecretStr

from database.admin_key import store_admin_key
from qserver.access.keys import make_key
from qserver.settings import AccessSettings, DatabaseSettings, LimitSettings, Settings
from rest_api.app import all_routes
from tests.unit.rest_api.site import InstantJobsServer, Site, build_site, prepare_database

OPERATIONS = sum(len((route.methods or set()) - {"HEAD"}) for route in all_routes() if route.include_in_schema)
"""As many as there are routes with their methods: HEAD is what GET is."""

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
SEARCH = int(os.environ.get("QSERVER_TEST_EXAMPLES", "0"))
EXAMPLES = max(10, SEARCH // 20)
"""Of each operation and phase. `make fuzz` searches for others each time."""

SEED = secrets.randbelow(2**32) if SEARCH else 1
KEY = make_key()
DEADLINE_SECONDS = 30 * EXAMPLES
"""Four times what it takes on two busy cores."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An application in which jobs finish at once."""
    url = SecretStr(f"sqlite:///{tmp_path}/qserver.db")
    settings = Settings(
        database=DatabaseSettings(database_url=url),
        limits=LimitSettings(max_upload_idle_seconds=0.5),  # some requests announce a body that never comes
        access=AccessSettings(auth="required", key_failures_per_minute=0),  # many of them come without a good key
    )
    prepare_database(settings.database)
    built = build_site(settings, InstantJobsServer)
    built.finish(built.submit())
    store_admin_key(built.database, KEY)
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
        *("--header", f"Authorization: Bearer {KEY}"),
        *("--no-color", "--continue-on-failure", "--seed", str(SEED), "--request-timeout", "10"),
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

    told = output.decode()
    assert process.returncode == 0, told
    assert f"Operations: {OPERATIONS} selected / {OPERATIONS} total" in " ".join(told.split()), told
