"""Uploads that fall silent, and uploads that never fall silent."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc import aio

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings
from tests.unit.jobs_server.builders import CountingDatabase
from tests.unit.jobs_server.served import SETTINGS, Served, properties_of, spec_of, told

PAUSE_SECONDS = 0.01


@pytest.fixture
async def impatient(database: CountingDatabase) -> AsyncIterator[Served]:
    """A server that has little patience with uploads."""
    limits = LimitSettings(max_upload_idle_seconds=5, max_upload_seconds=0.3)
    served = Served(database, settings=SETTINGS.model_copy(update={"limits": limits}))
    await served.start()
    yield served
    await served.stop()


async def dripping(piece: bytes) -> AsyncIterator[jobs_pb2.SubmitJobRequest]:
    yield jobs_pb2.SubmitJobRequest(spec=spec_of())
    while True:
        yield jobs_pb2.SubmitJobRequest(chunk=piece)
        await asyncio.sleep(PAUSE_SECONDS)


async def dripping_to_the_original(piece: str) -> AsyncIterator[original_pb2.JobData]:
    yield properties_of()
    while True:
        yield original_pb2.JobData(qasmChunk=piece)
        await asyncio.sleep(PAUSE_SECONDS)


@pytest.mark.parametrize("piece", [b"", b"/"], ids=["nothing", "a byte"])
async def test_an_upload_that_never_ends_is_dropped(impatient: Served, piece: bytes) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await told(lambda: impatient.v1.SubmitJob(dripping(piece)))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "did not end within 0.3 s (QSERVER_MAX_UPLOAD_SECONDS)" in (caught.value.details() or "")
    assert impatient.upload_bytes == 0
    assert impatient.database.stored_jobs() == 0


@pytest.mark.parametrize("piece", ["", "/"], ids=["nothing", "a byte"])
async def test_an_upload_of_the_original_that_never_ends_is_dropped(impatient: Served, piece: str) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await told(lambda: impatient.original.AddJob(dripping_to_the_original(piece)))

    assert "did not end within 0.3 s (QSERVER_MAX_UPLOAD_SECONDS)" in (caught.value.details() or "")
    assert impatient.upload_bytes == 0
