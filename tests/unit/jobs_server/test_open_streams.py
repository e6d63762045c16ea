"""gRPC streams that are open when their caller may no longer come in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import grpc
import pytest
from grpc import aio

from qserver.identity import ANONYMOUS, Role
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import JobsServerSettings, QuotaSettings
from tests.unit.jobs_server.builders import BELL, CountingDatabase
from tests.unit.jobs_server.served import Served, spec_of, submission, trailing
from tests.unit.jobs_server.test_access import REQUIRED, Metadata, add_person
from tests.waiting import until

Call = (
    aio.UnaryStreamCall[jobs_pb2.WatchJobRequest, jobs_pb2.WatchJobResponse]
    | aio.UnaryStreamCall[jobs_pb2.WatchJobsRequest, jobs_pb2.WatchJobsResponse]
    | aio.UnaryStreamCall[jobs_pb2.GetResultsRequest, jobs_pb2.GetResultsResponse]
)

_EIGHT_CALLS = JobsServerSettings(grpc_port=0, grpc_drain_seconds=1, grpc_calls=8)


@pytest.fixture
async def guarded(database: CountingDatabase) -> AsyncIterator[Served]:
    """A jobs server that asks for keys, and remembers good ones for a minute."""
    scene = Served(database, settings=REQUIRED)
    await scene.start()
    yield scene
    await scene.stop()


async def _job_of(served: Served, who: Metadata) -> str:
    return (await served.v1.SubmitJob(submission(spec_of(), BELL), metadata=who)).job.id


def _watch(served: Served, job_id: str, who: Metadata) -> Call:
    return served.v1.WatchJob(jobs_pb2.WatchJobRequest(id=job_id), metadata=who)


def _wait(served: Served, job_id: str, who: Metadata) -> Call:
    return served.v1.GetResults(jobs_pb2.GetResultsRequest(ids=[job_id], wait=True), metadata=who)


def _revoke(served: Served, name: str) -> None:
    with served.database.transaction() as transaction:
        (key,) = transaction.keys.list(ANONYMOUS, owner=name)
        transaction.keys.revoke(key.id, ANONYMOUS)


def _disable(served: Served, name: str) -> None:
    with served.database.transaction() as transaction:
        transaction.users.change(name, is_disabled=True)


async def _end_of(call: Call) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as caught:
        await _read(call)
    return caught.value


async def _read(call: Call) -> int:
    """Read to the end; gives the number of messages."""
    async with asyncio.timeout(30):
        return len([message async for message in call])


@pytest.mark.parametrize("end", [_revoke, _disable])
@pytest.mark.parametrize("open_stream", [_watch, _wait])
async def test_a_stream_ends_with_its_key_or_user(
    guarded: Served, open_stream: Callable[[Served, str, Metadata], Call], end: Callable[[Served, str], None]
) -> None:
    add_person(guarded.database, "root", Role.ADMIN)
    ada = add_person(guarded.database, "ada", Role.USER)
    call = open_stream(guarded, await _job_of(guarded, ada), ada)
    await until(lambda: _held(guarded) == 1)

    end(guarded, "ada")

    error = await _end_of(call)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "revoked" in (error.details() or "")
    assert trailing(error)["qserver-reason"] == "UNAUTHENTICATED"
    await until(lambda: _held(guarded) == 0)


async def test_others_streams_go_on(guarded: Served) -> None:
    ada, eve = (add_person(guarded.database, name, Role.USER) for name in ("ada", "eve"))
    job_id = await _job_of(guarded, eve)
    ended, going_on = _watch(guarded, await _job_of(guarded, ada), ada), _watch(guarded, job_id, eve)
    await until(lambda: _held(guarded) == 2)

    _revoke(guarded, "ada")
    await _end_of(ended)

    with guarded.database.transaction() as transaction:
        transaction.jobs.cancel(UUID(job_id), ANONYMOUS)
    assert await _read(going_on) == 2


async def test_an_administrator_who_is_none_any_more_is_asked_to_come_again(guarded: Served) -> None:
    add_person(guarded.database, "other", Role.ADMIN)
    root, ada = add_person(guarded.database, "root", Role.ADMIN), add_person(guarded.database, "ada", Role.USER)
    call = _watch(guarded, await _job_of(guarded, ada), root)
    await until(lambda: _held(guarded) == 1)

    with guarded.database.transaction() as transaction:
        transaction.users.change("root", role=Role.USER)

    assert (await _end_of(call)).code() is grpc.StatusCode.UNAVAILABLE


async def test_a_call_that_is_over_is_looked_at_no_more(guarded: Served) -> None:
    ada = add_person(guarded.database, "ada", Role.USER)
    call = _watch(guarded, await _job_of(guarded, ada), ada)
    await until(lambda: _held(guarded) == 1)

    call.cancel()

    await until(lambda: _held(guarded) == 0)


@pytest.fixture
async def crowded(database: CountingDatabase) -> AsyncIterator[Served]:
    """A jobs server where a user may have two streams open, in a room of eight calls."""
    changes = {"quotas": QuotaSettings(max_open_streams_per_user=2), "jobs_server": _EIGHT_CALLS}
    scene = Served(database, settings=REQUIRED.model_copy(update=changes))
    await scene.start()
    yield scene
    await scene.stop()


def _follow(served: Served, _: str, who: Metadata) -> Call:
    return served.v1.WatchJobs(jobs_pb2.WatchJobsRequest(), metadata=who)


@pytest.mark.parametrize("open_stream", [_watch, _wait, _follow])
async def test_one_user_s_streams_leave_room_to_others(
    crowded: Served, open_stream: Callable[[Served, str, Metadata], Call]
) -> None:
    ada, eve = (add_person(crowded.database, name, Role.USER) for name in ("ada", "eve"))
    adas, eves = await _job_of(crowded, ada), await _job_of(crowded, eve)
    first, _second = open_stream(crowded, adas, ada), open_stream(crowded, adas, ada)
    await until(lambda: _held(crowded) == 2)

    error = await _end_of(open_stream(crowded, adas, ada))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "user ada may have 2 streams open at once, and has that many (QSERVER_MAX_OPEN_STREAMS_PER_USER)" in (
        error.details() or ""
    )
    told = trailing(error)
    assert (told["qserver-reason"], told["qserver-limit"]) == ("QUOTA_EXCEEDED", "max_open_streams_per_user")
    assert (told["qserver-limit-value"], told["qserver-retry-after-seconds"]) == ("2", "5")
    open_stream(crowded, eves, eve)
    await until(lambda: _held(crowded) == 3)
    first.cancel()
    await until(lambda: _held(crowded) == 2)
    open_stream(crowded, adas, ada)
    await until(lambda: _held(crowded) == 3)


async def test_one_user_s_uploads_leave_room_to_others(crowded: Served) -> None:
    ada, eve = (add_person(crowded.database, name, Role.USER) for name in ("ada", "eve"))
    silent = [_begin_upload(crowded, ada) for _ in range(4)]
    for call in silent:
        await call.write(jobs_pb2.SubmitJobRequest(spec=spec_of()))
        await call.write(jobs_pb2.SubmitJobRequest(chunk=b"x"))
    await until(lambda: crowded.upload_bytes == len(silent))

    with pytest.raises(aio.AioRpcError) as caught:
        await crowded.v1.SubmitJob(submission(spec_of(), BELL), metadata=ada)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "user ada has 4 calls under way" in (caught.value.details() or "")
    assert await _job_of(crowded, eve)


def _begin_upload(
    served: Served, who: Metadata
) -> aio.StreamUnaryCall[jobs_pb2.SubmitJobRequest, jobs_pb2.SubmitJobResponse]:
    call: aio.StreamUnaryCall[jobs_pb2.SubmitJobRequest, jobs_pb2.SubmitJobResponse] = served.v1.SubmitJob(metadata=who)
    return call


def _held(served: Served) -> int:
    return sum(map(len, served.server._open_streams._streams.values()))
