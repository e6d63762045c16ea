"""Many clients, many streams, much that waits: memory stays bounded, what is too much is refused, and it passes.

QSERVER_TEST_LOAD_SCALE=1 pytest tests/load -s     (`make load`: 500 clients, 1,000 streams, 100,000 waiting jobs)
"""

import asyncio
import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import pytest

from bench.seeding import Seeder
from tests.acceptance.deployment import Deployment
from tests.load.crowd import JOBS_A_CALL, Crowd, submit_all_at_once
from tests.load.memory import memory_mib
from tests.load.streams import streams_of
from tests.servers.postgres import PostgresServer
from tests.waiting import wait_until

SCALE = float(os.environ.get("QSERVER_TEST_LOAD_SCALE", "0.1"))
CLIENTS = int(500 * SCALE)
STREAMS = int(1000 * SCALE)
WAITING_JOBS = int(100_000 * SCALE)
CALLS = 4
TOO_MANY = 10
PATIENCE_SECONDS = 300.0

MOST_GROWTH_MIB = 300.0
"""What the load may cost any service, at full scale too."""

MOST_LEFT_MIB = 40.0
"""What a second load of the same size may add to what the first one left: caches and heaps settle, leaks don't."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load: what clients and streams were told, and the memory of each service at its height and after it."""

    crowd: Crowd
    streams: Mapping[int, int]
    at_height_mib: Mapping[str, float]
    afterwards_mib: Mapping[str, float]


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """As many open files as this user may have: a thousand streams are a thousand sockets, here and in the service."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def services(postgres_database_url: str, rabbitmq_url: str) -> Iterator[Deployment]:
    """The services with a worker; not started yet."""
    made = Deployment(
        postgres_database_url,
        rabbitmq_url,
        workers=1,
        QSERVER_EVENT_STREAMS=str(STREAMS),
        QSERVER_MAX_OPEN_STREAMS_PER_USER="0",  # all streams come from one address
        QSERVER_GRPC_CALLS=str(CLIENTS // 2),  # fewer than come at once: some are refused, and come again
        QSERVER_SIMULATOR_PROCESSES="1",
    )
    with closing(made):
        yield made


async def _bear(services: Deployment, job_id: str) -> Load:
    async with streams_of(services.http_url, job_id) as streams:
        told = await streams.open(STREAMS + TOO_MANY)
        crowd = await submit_all_at_once(services.grpc_address, clients=CLIENTS, calls=CALLS)
        at_height = memory_mib(services)
        told += await streams.open(1)  # refused, as all are still open
    return Load(crowd, told, at_height, memory_mib(services))


async def _submit(services: Deployment) -> Crowd:
    return await submit_all_at_once(services.grpc_address, clients=1, calls=1)


def _fill(services: Deployment, server: PostgresServer) -> None:
    """Have one job finish, and copy it as jobs that wait."""
    services.start()
    asyncio.run(_submit(services))
    with server.connect(services.database_name) as connection:
        wait_until(lambda: _number(connection_of=server, services=services, status="finished") > 0)
        services.stop()
        Seeder(connection).add_waiting(WAITING_JOBS)


def _number(*, connection_of: PostgresServer, services: Deployment, status: str) -> int:
    with connection_of.connect(services.database_name) as connection:
        row = connection.execute("SELECT count(*) FROM jobs WHERE status = %s", (status,)).fetchone()
    return int(row[0]) if row else 0


def _a_waiting_job(services: Deployment) -> str:
    """Submit a job while no worker runs; gives its id."""
    return asyncio.run(_submit(services)).job_ids[0]


@pytest.mark.timeout(1800)
def test_a_crowd_is_borne_within_bounds_and_leaves_nothing_behind(
    services: Deployment, postgres_server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _fill(services, postgres_server)
    for name in ("jobs_server", "rest_api", "janitor"):
        services.start_service(name)
    wait_until(services.is_ready, timeout_seconds=PATIENCE_SECONDS, what="the services are ready")
    job_id = _a_waiting_job(services)
    idle = memory_mib(services)

    first, second = (asyncio.run(_bear(services, job_id)) for _ in range(2))

    services.start_service("worker-0")
    began_at = time.monotonic()
    finished = _number(connection_of=postgres_server, services=services, status="finished")
    wait_until(
        lambda: (
            _number(connection_of=postgres_server, services=services, status="finished") > finished + WAITING_JOBS / 20
        ),
        timeout_seconds=PATIENCE_SECONDS,
        what="a twentieth of the waiting jobs have finished",
    )
    working = memory_mib(services)
    seconds = time.monotonic() - began_at
    with capsys.disabled():
        print("", *_figures(idle, first, second, working, seconds), sep="\n")  # noqa: T201 - for people
    for load in (first, second):
        assert load.streams == {200: STREAMS, 503: TOO_MANY + 1}
        assert load.crowd.failures == []
        assert load.crowd.refusals > 0
        assert len(load.crowd.job_ids) == CLIENTS * CALLS * JOBS_A_CALL
        assert _grown(idle, load.at_height_mib, MOST_GROWTH_MIB) == []
    assert _grown(first.afterwards_mib, second.afterwards_mib, MOST_LEFT_MIB) == []
    assert services.faults_in_logs() == []


def _grown(before: Mapping[str, float], after: Mapping[str, float], most_mib: float) -> list[str]:
    return [
        f"{name} grew by {after[name] - mib:.0f} MiB from {mib:.0f}; the limit is {most_mib:.0f}"
        for name, mib in before.items()
        if after[name] - mib > most_mib
    ]


def _figures(
    idle: Mapping[str, float], first: Load, second: Load, working: Mapping[str, float], seconds: float
) -> Iterator[str]:
    yield f"{CLIENTS} clients at once, {STREAMS} event streams, {WAITING_JOBS} waiting jobs; twice"
    for load in (first, second):
        crowd = load.crowd
        yield (
            f"{len(crowd.job_ids)} jobs accepted in {len(crowd.seconds)} calls, {crowd.refusals} refused for now; "
            f"a call took {crowd.slowest(0.5):.2f} s in the median, 99 of 100 at most {crowd.slowest(0.99):.2f} s; "
            f"streams answered: {dict(load.streams)}"
        )
    yield f"then a worker finished a twentieth of what waited in {seconds:.0f} s"
    yield f"{'MiB (Pss)':12} {'idle':>6} {'height':>7} {'after':>6} {'height 2':>9} {'after 2':>8} {'with worker':>12}"
    columns = (idle, first.at_height_mib, first.afterwards_mib, second.at_height_mib, second.afterwards_mib, working)
    for name in working:
        cells = [f"{column.get(name, 0):.0f}" for column in columns]
        yield f"{name:12} {cells[0]:>6} {cells[1]:>7} {cells[2]:>6} {cells[3]:>9} {cells[4]:>8} {cells[5]:>12}"
