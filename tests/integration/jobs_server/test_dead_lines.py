"""Lines to clients that go dead without a word, as under a laptop that sleeps or a router that forgets."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from grpc import aio

from jobs_server import server
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.integration.client.relay import Relay
from tests.unit.jobs_server.builders import CountingDatabase
from tests.unit.jobs_server.conftest import database, database_template  # noqa: F401 - fixtures
from tests.unit.jobs_server.served import Served
from tests.waiting import until


@pytest.fixture
async def served(
    database: CountingDatabase,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Served]:
    """A jobs server that probes silent connections twice a second."""
    monkeypatch.setattr(server, "_KEEPALIVE_MILLISECONDS", 500)
    scene = Served(database)
    await scene.start()
    yield scene
    await scene.stop()


async def test_a_watcher_whose_line_went_dead_is_forgotten_however_long_it_was_silent(served: Served) -> None:
    job_id = (await served.submit()).id
    line = Relay(served.server.port)
    async with aio.insecure_channel(f"127.0.0.1:{line.port}") as channel:
        events = jobs_pb2_grpc.JobServiceStub(channel).WatchJob(jobs_pb2.WatchJobRequest(id=job_id))
        await anext(aiter(events))
        await asyncio.sleep(3)  # six probes, in which nothing else is sent: gRPC by itself would stop after two
        watchers = served.server._streams.events.watchers(UUID(job_id))

        await asyncio.to_thread(line.go_dead)
        await until(lambda: served.server._streams.events.watchers(UUID(job_id)) == 0)

        assert watchers == 1
        events.cancel()
        await asyncio.to_thread(line.close)
