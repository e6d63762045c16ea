"""How the services are: what they hold, and whether they answer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import httpx
from sqlalchemy import create_engine, text

from qserver.rpc.original import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import Deployment

MIB = 1024 * 1024
MAX_GROWTH_BYTES = 256 * MIB
"""Of one service, by one input, however large that is: 100 MB at most, of which 32 MiB may be held in two forms."""

MAX_ANSWER_SECONDS = 5.0
"""Of an answer that takes milliseconds, on a machine that does something else."""

EDGES = ("jobs_server", "rest_api")


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows of what a submission stores, files in the services' folder but for logs, and memory in bytes."""

    rows: Mapping[str, int]
    files: frozenset[str]
    memory_bytes: Mapping[str, int]


def condition(deployment: Deployment) -> Condition:
    """Look at everything."""
    files = (path for path in deployment.folder.rglob("*") if path.suffix != ".log")
    return Condition(
        rows=_rows(deployment),
        files=frozenset(str(path.relative_to(deployment.folder)) for path in files),
        memory_bytes={name: deployment.memory_bytes(name) for name in EDGES},
    )


@contextmanager
def unharmed(deployment: Deployment) -> Iterator[None]:
    """Have services at the end of the block that hold what they held before, and answer at once."""
    before = condition(deployment)
    yield
    assert_they_answer(deployment)
    after = condition(deployment)
    assert after.rows == before.rows
    assert after.files == before.files
    for name, memory_bytes in after.memory_bytes.items():
        grown_bytes = memory_bytes - before.memory_bytes[name]
        assert grown_bytes < MAX_GROWTH_BYTES, f"{name} has grown by {grown_bytes / MIB:.0f} MiB"


def assert_they_answer(deployment: Deployment) -> None:
    """Ask both edges something easy."""
    started = time.monotonic()
    answer = httpx.get(f"{deployment.http_url}/api/v1/limits", headers=deployment.headers, timeout=30)
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        health = jobs_pb2_grpc.JobsStub(channel).HealthCheck(jobs_pb2.HealthCheckInput(), timeout=30)
    assert (answer.status_code, health.status) == (200, "OK")
    assert time.monotonic() - started < MAX_ANSWER_SECONDS


def _rows(deployment: Deployment) -> Mapping[str, int]:
    engine = create_engine(deployment.database_url)
    try:
        with engine.connect() as connection:
            return {
                table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our names
                for table in ("jobs", "circuits", "plugins", "backends")
            }
    finally:
        engine.dispose()
