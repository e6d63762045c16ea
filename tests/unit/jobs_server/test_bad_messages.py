"""Messages that can't be read, and questions that make no sense: their sender's fault, and told so."""

import re
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import cast

import grpc
import pytest
import structlog
from grpc import aio

from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.served import Served, assert_nothing_is_stored, stream, trailing

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NO_UTF8 = b"OPENQASM 2.0; // \xff"
BROKEN_MESSAGES: dict[str, tuple[str, bytes, str]] = {
    "a circuit that is no UTF-8": ("/Jobs/AddJob", b"\x12" + bytes([len(NO_UTF8)]) + NO_UTF8, "JobData.*UTF-8"),
    "no message of the original": ("/Jobs/AddJob", b"\xff\xff", "JobData"),
    "no message of ours": ("/qserver.v1.JobService/SubmitJob", b"\xff\xff", "SubmitJobRequest"),
    "no call of many": ("/qserver.v1.JobService/SubmitJobs", b"\xff\xff", "SubmitJobsRequest"),
    "an id that is no UTF-8": ("/qserver.v1.JobService/GetJob", b"\x0a\x01\xff", "GetJobRequest.*UTF-8"),
}


@pytest.mark.parametrize(
    ("method", "message", "sentence"), [pytest.param(*broken, id=name) for name, broken in BROKEN_MESSAGES.items()]
)
async def test_a_message_that_cannot_be_read_is_its_senders_fault(
    served: Served, method: str, message: bytes, sentence: str
) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(aio.AioRpcError) as caught:
        await raw_call(served, method, message)

    assert caught.value.code() is INVALID
    assert trailing(caught.value)["qserver-reason"] == "INVALID_REQUEST"
    assert re.search(f"the message can't be read: .*{sentence}", caught.value.details() or "")
    assert logs == []
    assert_nothing_is_stored(served)


async def test_a_watch_of_what_is_no_id_is_its_senders_fault(served: Served) -> None:
    watch = cast(
        "Callable[[bytes], AsyncIterable[object]]", served.channel.unary_stream("/qserver.v1.JobService/WatchJob")
    )

    with pytest.raises(aio.AioRpcError) as caught:
        await anext(aiter(watch(b"\x0a\x01\xff")))

    assert caught.value.code() is INVALID


FOREIGN = "x"
NO_STATUS = jobs_pb2.JOB_STATUS_UNSPECIFIED
BAD_QUESTIONS: dict[str, tuple[Callable[[Served], Awaitable[object]], str]] = {
    "job id": (lambda on: on.v1.GetJob(jobs_pb2.GetJobRequest(id="x")), "job id 'x' is no UUID"),
    "job id without dashes": (lambda on: on.v1.CancelJob(jobs_pb2.CancelJobRequest(id="0" * 32)), "is no UUID"),
    "id to delete": (lambda on: on.v1.DeleteJob(jobs_pb2.DeleteJobRequest()), "job id '' is no UUID"),
    "id of a result": (lambda on: on.v1.GetResult(jobs_pb2.GetResultRequest(id="x")), "is no UUID"),
    "page size": (lambda on: on.v1.ListJobs(jobs_pb2.ListJobsRequest(page_size=501)), "from 1 to 500"),
    "page token": (lambda on: on.v1.ListJobs(jobs_pb2.ListJobsRequest(page_token=FOREIGN)), "none of ours"),
    "status": (lambda on: on.v1.ListJobs(jobs_pb2.ListJobsRequest(statuses=[NO_STATUS])), "status 0 is unknown"),
    "no submissions": (lambda on: on.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest()), "no submissions were sent"),
    "too many submissions": (
        lambda on: on.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission()] * 401)),
        "401 submissions; the limit is 400 a call (QSERVER_MAX_JOBS_PER_CALL)",
    ),
}


@pytest.mark.parametrize(("ask", "sentence"), [pytest.param(*bad, id=name) for name, bad in BAD_QUESTIONS.items()])
async def test_a_bad_question_is_refused(
    served: Served, ask: Callable[[Served], Awaitable[object]], sentence: str
) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await ask(served)

    assert caught.value.code() is INVALID
    assert sentence in (caught.value.details() or "")


async def test_a_bad_watch_is_refused(served: Served) -> None:
    for request, sentence in (
        (jobs_pb2.WatchJobRequest(id="x"), "is no UUID"),
        (
            jobs_pb2.WatchJobRequest(id="00000000-0000-4000-8000-000000000001", after_sequence=-1),
            "after_sequence is -1",
        ),
    ):
        with pytest.raises(aio.AioRpcError) as caught:
            await anext(aiter(served.v1.WatchJob(request)))
        assert caught.value.code() is INVALID
        assert sentence in (caught.value.details() or "")


async def raw_call(served: Served, method: str, message: bytes) -> object:
    """Send bytes as the first message of a call, whatever they are."""
    is_upload = method.endswith(("AddJob", "SubmitJob"))
    make = served.channel.stream_unary if is_upload else served.channel.unary_unary
    call = cast("Callable[..., Awaitable[object]]", make(method))
    return await call(stream([message]) if is_upload else message)
