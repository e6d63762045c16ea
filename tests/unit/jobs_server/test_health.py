"""What the health service says of the server and of its neighbours."""

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from qserver.broker.memory import MemoryBroker
from qserver.errors import QServerError, Unavailable
from tests.unit.jobs_server.builders import CountingDatabase
from tests.unit.jobs_server.served import (
    Served,
    health_of,
)
from tests.waiting import until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def is_told(served: Served, service: str, status: int) -> bool:
    return await health_of(served, service) == status


@pytest.mark.parametrize("service", ["", "readiness", "liveness", "database", "Jobs", "qserver.v1.JobService"])
async def test_a_server_whose_database_answers_serves(served: Served, service: str) -> None:
    assert await health_of(served, service) == SERVING


async def test_health_follows_the_database(database: CountingDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs_server.health.CHECK_EVERY_SECONDS", 0.01)
    served = Served(database)
    await served.start()
    seen: list[int] = []
    watch = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest())
    watching = aiter(watch)
    seen.append((await anext(watching)).status)

    database.fault = Unavailable("away")
    seen.append((await anext(watching)).status)
    liveness = await health_of(served, "liveness")
    database.fault = None
    seen.append((await anext(watching)).status)

    assert seen == [SERVING, NOT_SERVING, SERVING]
    assert liveness == SERVING
    watch.cancel()
    await served.stop()


async def test_health_goes_on_after_a_fault_that_no_waiting_mends(
    database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.health.CHECK_EVERY_SECONDS", 0.01)
    served = Served(database)
    await served.start()

    database.fault = QServerError("the database refused a statement: permission denied")
    await until(lambda: is_told(served, "", NOT_SERVING))
    database.fault = None
    await until(lambda: is_told(served, "", SERVING))

    await served.stop()


async def test_health_names_the_neighbour_that_is_missing(
    database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.health.CHECK_EVERY_SECONDS", 0.01)
    broker = MemoryBroker()
    served = Served(database, broker=broker)
    await served.start()
    await until(lambda: is_told(served, "broker", SERVING))

    broker.close()
    await until(lambda: is_told(served, "broker", NOT_SERVING))

    assert await health_of(served, "database") == SERVING
    assert await health_of(served, "readiness") == SERVING

    database.fault = Unavailable("away")
    await until(lambda: is_told(served, "database", NOT_SERVING))

    assert await health_of(served, "readiness") == NOT_SERVING
    assert await health_of(served, "liveness") == SERVING
    database.fault = None
    await served.stop()
