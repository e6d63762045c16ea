"""A jobs server as its clients see it: a real channel, a real database, fake inspectors."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from database import Transaction
from jobs_server.service import JobsServer
from plugins.registry import Registry
from qserver.broker.interface import Broker
from qserver.broker.memory import MemoryBroker
from qserver.identity import ANONYMOUS
from qserver.jobs import Job
from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import JobsServerSettings, LimitSettings, Settings
from tests.unit.jobs_server.builders import BELL, CountingDatabase
from tests.unit.jobs_server.fake_inspector import FakeInspectors

Answer = TypeVar("Answer")
Message = TypeVar("Message")

_TOLD_BY_THE_CLIENT = "Internal error from Core"
_CALLS = 5

SETTINGS = Settings(
    jobs_server=JobsServerSettings(grpc_port=0, grpc_drain_seconds=1),
    limits=LimitSettings(
        max_circuit_bytes=10_000, max_call_bytes=200_000, max_metadata_bytes=1000, max_jobs_per_call=400
    ),
)


class Served:
    """The server, its neighbours, and stubs of both dialects."""

    def __init__(
        self,
        database: CountingDatabase,
        *,
        broker: Broker | None = None,
        settings: Settings = SETTINGS,
        forkserver: Forkserver | None = None,
        registry: Registry | None = None,
    ) -> None:
        """Have fake inspectors, or real ones where there is a forkserver for them."""
        self.database = database
        self.broker = broker or MemoryBroker()
        self.inspectors = FakeInspectors()
        self.server = JobsServer(
            settings,
            database,
            self.broker,
            forkserver or Forkserver(),
            registry=registry,
            spawn_inspector=None if forkserver else self.inspectors.spawn,
        )

    async def start(self) -> None:
        await self.server.start()
        self.channel = aio.insecure_channel(f"127.0.0.1:{self.server.port}")
        self.original = original_pb2_grpc.JobsStub(self.channel)
        self.v1 = jobs_pb2_grpc.JobServiceStub(self.channel)

    async def stop(self) -> None:
        self.inspectors.gate.set()
        await self.channel.close()
        await self.server.stop()
        self.broker.close()

    @property
    def upload_bytes(self) -> int:
        """Bytes of uploads that are under way."""
        return self.server._room._used_bytes

    def read(self, job_id: str) -> Job:
        return self.look(lambda transaction: transaction.jobs.get(UUID(job_id), ANONYMOUS))

    def look(self, work: Callable[[Transaction], Answer]) -> Answer:
        with self.database.reading() as transaction:
            return work(transaction)

    async def submit(self, spec: jobs_pb2.JobSpec | None = None, source: bytes = BELL) -> jobs_pb2.Job:
        """Submit one job by SubmitJob."""
        return (await self.v1.SubmitJob(submission(spec or spec_of(), source))).job

    async def add_job(self, source: str = BELL.decode(), *, piece_characters: int = 16, **properties: object) -> str:
        """Submit one job by the original's AddJob, and give its id."""
        return (await self.original.AddJob(upload(source, piece_characters=piece_characters, **properties))).id


async def health_of(served: Served, service: str = "") -> int:
    """Ask the health service."""
    answer = await health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(answer.status)


def spec_of(**fields: object) -> jobs_pb2.JobSpec:
    """Make a spec that asks aer for counts, but for what `fields` say."""
    make: Callable[..., jobs_pb2.JobSpec] = jobs_pb2.JobSpec
    return make(**{"backend": "aer", "result_types": [jobs_pb2.RESULT_TYPE_COUNTS], **fields})


async def submission(
    spec: jobs_pb2.JobSpec, source: bytes, *, piece_bytes: int = 16
) -> AsyncIterator[jobs_pb2.SubmitJobRequest]:
    """Stream a job as SubmitJob wants it."""
    yield jobs_pb2.SubmitJobRequest(spec=spec)
    for start in range(0, len(source), piece_bytes):
        yield jobs_pb2.SubmitJobRequest(chunk=source[start : start + piece_bytes])


def properties_of(metadata: object = None, **fields: object) -> original_pb2.JobData:
    """Make the original's first message, which asks aer for counts, but for what `fields` say."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata or {"shots": 100})
    make: Callable[..., original_pb2.JobProperties] = original_pb2.JobProperties
    words = {"resultTypeCounts": True, "targetSimulator": "aer", "metadata": text, **fields}
    return original_pb2.JobData(properties=make(**words))


async def upload(
    source: str, *, piece_characters: int = 16, **properties: object
) -> AsyncIterator[original_pb2.JobData]:
    """Stream a job as the original's clients do."""
    yield properties_of(**properties)
    for start in range(0, len(source), piece_characters):
        yield original_pb2.JobData(qasmChunk=source[start : start + piece_characters])


async def stream(messages: Iterable[Message]) -> AsyncIterator[Message]:
    """Stream messages as they are."""
    for message in messages:
        yield message


async def told(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make a call, again until its end is what the server said.

    Where that comes while grpc.aio is still sending, it may drop it and tell of an error of its own instead.
    """
    for _ in range(_CALLS - 1):
        try:
            return await call()
        except aio.AioRpcError as error:
            if error.details() != _TOLD_BY_THE_CLIENT:
                raise
    return await call()


def trailing(error: aio.AioRpcError) -> dict[str, str]:
    """Give what an error carries beside its status."""
    return {key: str(value) for key, value in error.trailing_metadata() or ()}


def assert_nothing_is_stored(served: Served) -> None:
    """Have neither a job nor a circuit in the database."""
    assert served.database.stored_jobs() == 0
    assert served.database.stored_circuits() == 0
