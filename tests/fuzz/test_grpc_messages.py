"""Every RPC of both dialects is sent any message, and any bytes: each gets an answer or a refusal, never a fault."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import grpc
import pytest
import structlog
from google.protobuf import descriptor, message
from grpc import aio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings
from tests.fuzz.messages import messages
from tests.unit.jobs_server.builders import CountingDatabase
from tests.unit.jobs_server.conftest import database, database_template
from tests.unit.jobs_server.served import SETTINGS, Served, stream, told

__all__ = ["database", "database_template"]

REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
PATIENCE_SECONDS = 20
MAX_ANSWERS = 3
"""Read of a stream; a watched job may be silent for ever."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method as it is called: by its path, with one message or many, answered once or more."""

    path: str
    request: descriptor.Descriptor
    takes_many: bool
    gives_many: bool


def _rpcs(service: descriptor.ServiceDescriptor) -> list[Rpc]:
    return [
        Rpc(f"/{service.full_name}/{method.name}", method.input_type, method.client_streaming, method.server_streaming)
        for method in service.methods
    ]


RPCS = [
    *_rpcs(original_pb2.DESCRIPTOR.services_by_name["Jobs"]),
    *_rpcs(jobs_pb2.DESCRIPTOR.services_by_name["JobService"]),
]
ENDLESS = "/qserver.v1.JobService/WatchJobs"
"""Goes on until its client leaves: where it is silent for SILENCE_SECONDS, it was taken."""
SILENCE_SECONDS = 0.1
any_rpc = pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.path)
# The server is the same for all examples: what one leaves behind must not matter to the next.
together = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
async def fuzzed(database: CountingDatabase) -> AsyncIterator[Served]:
    """A server that has little patience with uploads."""
    limits = LimitSettings(max_upload_idle_seconds=1, max_call_bytes=200_000)
    scene = Served(database, settings=SETTINGS.model_copy(update={"limits": limits}))
    await scene.start()
    yield scene
    await scene.stop()


async def status_of(served: Served, rpc: Rpc, sent: Sequence[bytes]) -> grpc.StatusCode:
    """Call a method with messages of these bytes, and give how it ended."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told(lambda: _call(served, rpc, sent))
    except aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def _call(served: Served, rpc: Rpc, sent: Sequence[bytes]) -> None:
    kind = f"{'stream' if rpc.takes_many else 'unary'}_{'stream' if rpc.gives_many else 'unary'}"
    method = cast("Callable[[object], object]", getattr(served.channel, kind)(rpc.path))
    call = method(stream(sent) if rpc.takes_many else sent[0])
    if not rpc.gives_many:
        await call  # type: ignore[misc]  # a call without its types
        return
    answers = cast("aio.UnaryStreamCall[bytes, bytes]", call)
    with suppress(TimeoutError):
        for _ in range(MAX_ANSWERS):
            async with asyncio.timeout(SILENCE_SECONDS if rpc.path == ENDLESS else None):
                if await answers.read() is aio.EOF:
                    return
    answers.cancel()


async def assert_no_fault(served: Served, rpc: Rpc, sent: Sequence[bytes]) -> None:
    with structlog.testing.capture_logs() as logs:
        status = await status_of(served, rpc, sent)

    assert status is grpc.StatusCode.OK or status in REFUSALS
    assert [entry for entry in logs if entry["event"] == "call_failed"] == []


@any_rpc
async def test_a_message_of_any_shape_is_answered_or_refused(fuzzed: Served, rpc: Rpc) -> None:
    loop = asyncio.get_running_loop()

    @together
    @given(st.lists(messages(rpc.request), min_size=1, max_size=4))
    def check(sent: list[message.Message]) -> None:
        written = [each.SerializeToString() for each in sent]
        asyncio.run_coroutine_threadsafe(assert_no_fault(fuzzed, rpc, written), loop).result()

    await asyncio.to_thread(check)


@any_rpc
async def test_bytes_of_any_kind_are_answered_or_refused(fuzzed: Served, rpc: Rpc) -> None:
    loop = asyncio.get_running_loop()

    @together
    @given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
    def check(sent: list[bytes]) -> None:
        asyncio.run_coroutine_threadsafe(assert_no_fault(fuzzed, rpc, sent), loop).result()

    await asyncio.to_thread(check)
