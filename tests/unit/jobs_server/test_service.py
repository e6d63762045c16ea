"""The server as a whole: uploads that stop, messages that are too large, neighbours that are away, its own end."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from uuid import UUID

import grpc
import pytest
import structlog
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from qserver.errors import Unavailable
from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import JobsServerSettings, LimitSettings
from tests.unit.jobs_server.builders import BELL, CountingDatabase, worker
from tests.unit.jobs_server.served import (
    SETTINGS,
    Served,
    health_of,
    properties_of,
    spec_of,
    stream,
    submission,
    trailing,
    upload,
)
from tests.waiting import PATIENCE_SECONDS, until


async def test_a_database_that_is_away_is_told_as_unavailable_and_nothing_is_logged_as_a_fault(
    served: Served,
) -> None:
    served.database.fault = Unavailable("the database doesn't answer")

    with structlog.testing.capture_logs() as logs, pytest.raises(aio.AioRpcError) as caught:
        await served.submit()

    served.database.fault = None
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert trailing(caught.value)["qserver-reason"] == "UNAVAILABLE"
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


async def test_a_fault_of_ours_is_told_shortly_and_logged_with_its_trace(served: Served) -> None:
    served.database.fault = ZeroDivisionError("secret inside")

    with structlog.testing.capture_logs() as logs, pytest.raises(aio.AioRpcError) as caught:
        await served.v1.ListJobs(jobs_pb2.ListJobsRequest())

    served.database.fault = None
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "the server failed to answer this call; its log has the cause"
    (entry,) = [entry for entry in logs if entry["event"] == "call_failed"]
    assert entry["exc_info"]
    assert entry["method"] == "/qserver.v1.JobService/ListJobs"


async def test_an_upload_that_falls_silent_is_dropped(database: CountingDatabase) -> None:
    limits = LimitSettings(max_upload_idle_seconds=0.05)
    served = Served(database, settings=SETTINGS.model_copy(update={"limits": limits}))
    await served.start()
    never = asyncio.Event()

    async def silent() -> AsyncIterator[original_pb2.JobData]:
        yield properties_of()
        yield original_pb2.JobData(qasmChunk="OPENQASM")
        await never.wait()

    with pytest.raises(aio.AioRpcError) as caught:
        await served.original.AddJob(silent())

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "nothing came for 0.05 s (QSERVER_MAX_UPLOAD_IDLE_SECONDS)" in (caught.value.details() or "")
    assert served.upload_bytes == 0
    assert database.stored_jobs() == 0
    await served.stop()


async def test_an_upload_that_its_client_breaks_off_leaves_nothing(served: Served) -> None:
    never = asyncio.Event()

    async def endless() -> AsyncIterator[jobs_pb2.SubmitJobRequest]:
        yield jobs_pb2.SubmitJobRequest(spec=spec_of())
        yield jobs_pb2.SubmitJobRequest(chunk=BELL)
        await never.wait()

    call = served.v1.SubmitJob(endless())
    await until(lambda: served.upload_bytes == len(BELL))

    call.cancel()
    await until(lambda: served.upload_bytes == 0)

    assert served.database.stored_jobs() == 0


async def test_uploads_under_way_may_not_fill_the_machine(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.server._room, "_max_bytes", 50)

    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit()

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert trailing(caught.value)["qserver-reason"] == "OVERLOADED"
    assert served.upload_bytes == 0


async def test_a_message_past_the_limit_is_refused(served: Served) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit(source=b"x" * 300_000)

    assert caught.value.code() in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT}
    assert served.database.stored_jobs() == 0


async def test_a_compressed_call_is_taken(served: Served) -> None:
    messages = submission(spec_of(), BELL)

    answer = await served.v1.SubmitJob(messages, compression=grpc.Compression.Gzip)

    assert served.read(answer.job.id).request.run.backend == "aer"


async def test_a_small_message_that_unpacks_to_a_huge_one_is_refused(served: Served) -> None:
    bomb = [original_pb2.JobData(qasmChunk="x" * 5_000_000)]
    assert len(gzip.compress(bomb[0].SerializeToString())) < 10_000

    with pytest.raises(aio.AioRpcError) as caught:
        await served.original.AddJob(stream([properties_of(), *bomb]), compression=grpc.Compression.Gzip)

    assert caught.value.code() in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT}
    assert served.database.stored_jobs() == 0


async def test_a_submitted_job_reaches_a_workers_queue_at_once(served: Served) -> None:
    consumer = served.broker.consumer(frozenset({"cpu"}))
    with served.database.transaction() as transaction:
        transaction.workers.register(worker())

    job = await served.submit()
    deliveries = await asyncio.to_thread(consumer.pull, max_messages=10, timeout_seconds=PATIENCE_SECONDS)

    assert [delivery.hint.job_ids for delivery in deliveries] == [(UUID(job.id),)]


async def test_a_broker_that_is_away_keeps_no_job_out(served: Served) -> None:
    served.broker.close()

    job = await served.submit()

    assert served.read(job.id).status == "pending"
    assert await health_of(served) == health_pb2.HealthCheckResponse.SERVING


async def test_stopping_ends_watches_and_lets_uploads_end(database: CountingDatabase) -> None:
    patient = JobsServerSettings(grpc_port=0, grpc_drain_seconds=30)
    served = Served(database, settings=SETTINGS.model_copy(update={"jobs_server": patient}))
    await served.start()
    job = await served.submit()
    watching = aiter(served.v1.WatchJob(jobs_pb2.WatchJobRequest(id=job.id)))
    await anext(watching)
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[original_pb2.JobData]:
        async for message in upload(BELL.decode()):
            yield message
        await go_on.wait()

    call = served.original.AddJob(slow())
    await until(lambda: served.upload_bytes == len(BELL))

    stopping = asyncio.create_task(served.server.stop())
    with pytest.raises(aio.AioRpcError) as caught:
        await anext(watching)
    go_on.set()
    answer = await call
    await stopping

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert served.read(answer.id).status == "pending"
    await served.channel.close()


async def test_a_server_with_as_many_calls_as_it_holds_refuses_more_and_still_says_that_it_lives(
    database: CountingDatabase,
) -> None:
    few_calls = SETTINGS.jobs_server.model_copy(update={"grpc_calls": 1})
    scene = Served(database, settings=SETTINGS.model_copy(update={"jobs_server": few_calls}))
    await scene.start()
    try:
        job_id = (await scene.submit()).id
        watch = scene.v1.WatchJob(jobs_pb2.WatchJobRequest(id=job_id))
        await watch.read()

        with pytest.raises(aio.AioRpcError) as caught:
            await scene.v1.GetJob(jobs_pb2.GetJobRequest(id=job_id))
        health = await health_pb2_grpc.HealthStub(scene.channel).Check(health_pb2.HealthCheckRequest())
        watch.cancel()

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "QSERVER_GRPC_CALLS" in (caught.value.details() or "")
        assert health.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        await scene.stop()


async def test_strangers_who_watch_its_health_take_no_call_from_others(database: CountingDatabase) -> None:
    one_call = SETTINGS.jobs_server.model_copy(update={"grpc_calls": 1})
    scene = Served(database, settings=SETTINGS.model_copy(update={"jobs_server": one_call}))
    await scene.start()
    try:
        watch = health_pb2_grpc.HealthStub(scene.channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()

        answer = await scene.v1.ListJobs(jobs_pb2.ListJobsRequest())

        assert not answer.jobs
        watch.cancel()
    finally:
        await scene.stop()
