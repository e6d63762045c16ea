"""A fake server, a line to it that can break, and clients at the other end."""

from collections.abc import AsyncIterator, Iterator

import pytest

from qserver import AsyncClient, Client
from qserver.client.patience import Patience
from tests.integration.client.fake_service import FakeJobService, serve
from tests.integration.client.relay import Relay

QUICK = Patience(
    call_seconds=20, first_delay_seconds=0.01, longest_delay_seconds=0.1, stream_seconds=20, keepalive_seconds=0.5
)


@pytest.fixture
def service() -> FakeJobService:
    return FakeJobService()  # type: ignore[abstract]  # what no test calls is UNIMPLEMENTED


@pytest.fixture
def relay(service: FakeJobService) -> Iterator[Relay]:
    server, port = serve(service)
    line = Relay(port)
    try:
        yield line
    finally:
        line.close()
        server.stop(None).wait()


@pytest.fixture
def client(relay: Relay) -> Iterator[Client]:
    address = f"http://127.0.0.1:{relay.port}"
    with Client(address, grpc_url=address, api_key="the-key", patience=QUICK) as connected:
        yield connected


@pytest.fixture
async def async_client(relay: Relay) -> AsyncIterator[AsyncClient]:
    address = f"http://127.0.0.1:{relay.port}"
    async with AsyncClient(address, grpc_url=address, api_key="the-key", patience=QUICK) as connected:
        yield connected
