"""Results of many jobs by one call, over a real channel. The same tests run on PostgreSQL in tests/integration."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import grpc
import pytest
from grpc import aio

from database.job_results import SHARED_BYTES
from jobs_server.requests import MAX_JOB_IDS, job_ids
from jobs_server.result_pages import MESSAGE_BYTES
from qserver.errors import TooLarge
from qserver.results import Array, PubResult
from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.run_jobs import RESULT, Jobs
from tests.unit.jobs_server.served import Served, trailing
from tests.waiting import PATIENCE_SECONDS, until

Call = aio.UnaryStreamCall[jobs_pb2.GetResultsRequest, jobs_pb2.GetResultsResponse]


def call(served: Served, ids: Sequence[str], *, wait: bool = False) -> Call:
    return served.v1.GetResults(jobs_pb2.GetResultsRequest(ids=ids, wait=wait), timeout=PATIENCE_SECONDS)


async def messages_of(calling: Call) -> list[list[jobs_pb2.JobResult]]:
    return [list(message.results) async for message in calling]


async def answers_of(served: Served, ids: Sequence[str], *, wait: bool = False) -> list[jobs_pb2.JobResult]:
    return [answer for message in await messages_of(call(served, ids, wait=wait)) for answer in message]


async def next_of(messages: AsyncIterator[jobs_pb2.GetResultsResponse]) -> list[jobs_pb2.JobResult]:
    return list((await anext(messages)).results)


async def waited_for(served: Served, number: int) -> None:
    """Return once the server waits for so many jobs."""
    await until(lambda: served.server._streams.results.waiting_jobs() == number)


async def test_results_come_whole_in_the_order_of_the_ids(served: Served, jobs: Jobs) -> None:
    ids = jobs.add(3)
    jobs.finish(*ids)

    answers = await answers_of(served, ids[::-1])

    alone = await served.v1.GetResult(jobs_pb2.GetResultRequest(id=ids[0]))
    assert [answer.id for answer in answers] == ids[::-1]
    assert [answer.result for answer in answers] == [alone] * 3
    assert dict(alone.pub_results[0].counts) == RESULT.counts


async def test_without_waiting_each_job_is_answered_as_it_stands(served: Served, jobs: Jobs) -> None:
    done, failed, canceled, running, pending = jobs.add(5)
    jobs.finish(done)
    jobs.fail(failed)
    jobs.cancel(canceled)
    jobs.start(running)
    unknown = str(uuid4())

    answers = await answers_of(served, [done, failed, canceled, running, pending, unknown])

    assert answers[0].WhichOneof("answer") == "result"
    assert {answer.error.code for answer in answers[1:]} == {grpc.StatusCode.NOT_FOUND.value[0]}
    assert [(answer.error.reason, answer.error.message) for answer in answers[1:]] == [
        ("OUT_OF_MEMORY", f"job {failed} has no result: it failed: needs 3 GiB"),
        ("CANCELED_BY_USER", f"job {canceled} has no result: it was canceled"),
        ("NOT_FOUND", f"job {running} has no result yet: it is running"),
        ("NOT_FOUND", f"job {pending} has no result yet: it is pending"),
        ("NOT_FOUND", f"there is no job {unknown}"),
    ]


async def test_a_job_named_twice_is_answered_once(served: Served, jobs: Jobs) -> None:
    first, second = jobs.add(2)
    jobs.finish(first, second)

    standing = await answers_of(served, [first, second, first.upper(), first])
    waiting = await answers_of(served, [first, second, first], wait=True)

    assert [answer.id for answer in standing] == [answer.id for answer in waiting] == [first, second]


async def test_hundreds_of_results_cost_one_reading_and_few_messages(served: Served, jobs: Jobs) -> None:
    ids = jobs.add(300)
    jobs.finish(*ids, result=replace(RESULT, arrays=()))
    served.database.readings = 0

    messages = await messages_of(call(served, ids))

    assert served.database.readings <= 3  # the dispatcher reads too
    assert len(messages) == 1
    assert [answer.id for answer in messages[0]] == ids


async def test_a_message_is_full_by_number_and_by_size(served: Served, jobs: Jobs) -> None:
    small, large = jobs.add(501), jobs.add(10)
    jobs.finish(*small, result=PubResult(RESULT.run))
    jobs.finish(*large, result=replace(RESULT, arrays=(Array("m", "uint8", (60_000,), bytes(60_000)),)))

    by_number = await messages_of(call(served, small))
    by_size = await messages_of(call(served, large))

    assert [len(message) for message in by_number] == [500, 1]
    assert [len(message) for message in by_size] == [4, 4, 2]


@pytest.mark.parametrize("wait", [False, True])
async def test_a_large_result_comes_alone(served: Served, jobs: Jobs, *, wait: bool) -> None:
    ids = jobs.add(3)
    data = bytes(MESSAGE_BYTES)
    jobs.finish(*ids[:2])
    jobs.finish(ids[2], result=replace(RESULT, arrays=(Array("statevector", "uint8", (len(data),), data),)))
    assert len(data) > SHARED_BYTES

    messages = await messages_of(call(served, [ids[2], *ids[:2]], wait=wait))

    assert [[answer.id for answer in message] for message in messages] == [ids[:2], ids[2:]]
    assert messages[1][0].result.pub_results[0].arrays[0].data == data


async def test_waiting_gives_what_is_there_and_the_rest_as_it_ends(served: Served, jobs: Jobs) -> None:
    done, failing, later, last = jobs.add(4)
    jobs.finish(done)
    messages = aiter(call(served, [last, later, failing, done], wait=True))
    first = await next_of(messages)

    jobs.fail(failing)
    second = await next_of(messages)
    jobs.finish(later)
    third = await next_of(messages)
    jobs.finish(last)
    rest = [answer async for message in messages for answer in message.results]

    assert [answer.id for answer in (*first, *second, *third, *rest)] == [done, failing, later, last]
    assert second[0].error.reason == "OUT_OF_MEMORY"
    assert rest[0].result.pub_results[0].counts["11"] == 2
    assert served.server._streams.results.waiting_jobs() == 0


async def test_jobs_that_end_together_come_together(served: Served, jobs: Jobs) -> None:
    ids = jobs.add(64)
    calling = call(served, ids, wait=True)
    collecting = asyncio.create_task(messages_of(calling))
    await waited_for(served, len(ids))

    jobs.finish(*ids)

    messages = await collecting
    assert [len(message) for message in messages] == [64]


@pytest.mark.parametrize("end", [Jobs.cancel, Jobs.delete])
async def test_a_job_that_ends_without_a_result_ends_the_wait(
    served: Served, jobs: Jobs, end: Callable[[Jobs, str], None]
) -> None:
    (job_id,) = jobs.add(1)
    collecting = asyncio.create_task(answers_of(served, [job_id], wait=True))
    await waited_for(served, 1)

    end(jobs, job_id)

    (answer,) = await collecting
    assert answer.error.code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_waiting_for_a_job_that_nobody_has_ends_at_once(served: Served) -> None:
    unknown = str(uuid4())

    (answer,) = await answers_of(served, [unknown], wait=True)

    assert answer.error.message == f"there is no job {unknown}"


async def test_a_call_that_its_client_cancels_is_cleaned_up(served: Served, jobs: Jobs) -> None:
    ids = jobs.add(3)
    jobs.finish(ids[0])
    calling = call(served, ids, wait=True)
    await calling.read()

    calling.cancel()

    await waited_for(served, 0)


async def test_several_callers_wait_for_the_same_job(served: Served, jobs: Jobs) -> None:
    (job_id,) = jobs.add(1)
    calls = [call(served, [job_id], wait=True) for _ in range(5)]
    collecting = [asyncio.create_task(messages_of(calling)) for calling in calls]
    await until(lambda: len(served.server._streams.results._waiting.get(UUID(job_id), ())) == 5)

    jobs.finish(job_id)

    assert [[answer.id for answer in message] for each in collecting for message in await each] == [[job_id]] * 5


async def test_a_server_that_stops_says_that_results_are_missing(served: Served, jobs: Jobs) -> None:
    (job_id,) = jobs.add(1)
    collecting = asyncio.create_task(answers_of(served, [job_id], wait=True))
    await waited_for(served, 1)

    served.server._streams.results.close()

    with pytest.raises(aio.AioRpcError, match="still missing") as caught:
        await collecting
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        ([], "no job ids were sent"),
        ([""], "job id '' is no UUID"),
        ([str(uuid4()), "42"], "job id '42' is no UUID"),
        (["x" * 1000], "job id 'xxxx"),
    ],
)
async def test_bad_ids_are_refused(served: Served, ids: list[str], sentence: str) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await answers_of(served, ids)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence in str(caught.value.details())
    assert trailing(caught.value)["qserver-reason"] == "INVALID_REQUEST"


def test_more_ids_than_a_call_may_name_are_refused() -> None:
    with pytest.raises(TooLarge, match="10,001 job ids; the limit is 10,000 a call"):
        job_ids([str(uuid4())] * (MAX_JOB_IDS + 1))
