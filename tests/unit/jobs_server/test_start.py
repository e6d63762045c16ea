"""How the server starts: where it listens, whom it waits for, and what it takes for itself."""

import asyncio

import httpx
import pytest
from grpc_health.v1 import health_pb2

from jobs_server import server
from qserver.errors import SettingsError, Unavailable
from qserver.machine import Machine
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import JobsServerSettings
from tests.servers.ports import free_port
from tests.unit.jobs_server.builders import BELL, CountingDatabase
from tests.unit.jobs_server.served import SETTINGS, Served, health_of, spec_of
from tests.waiting import until


async def test_a_port_in_use_is_named(served: Served, database: CountingDatabase) -> None:
    settings = JobsServerSettings(grpc_port=served.server.port)
    second = Served(database, settings=SETTINGS.model_copy(update={"jobs_server": settings}))

    with pytest.raises(SettingsError, match=f"can't listen on 127.0.0.1:{served.server.port}"):
        await second.server.start()

    await second.server.stop()


def test_a_call_that_nobody_could_look_at_yet_is_not_dropped_before_its_client_gives_it_up() -> None:
    a_days_patience_seconds = 24 * 3600

    options = dict(server._options(max_call_bytes=1))

    assert options["grpc.server_max_unrequested_time_in_server"] >= a_days_patience_seconds


async def test_a_database_that_comes_up_later_is_waited_for(
    database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.registration._RETRY_SECONDS", 0.01)
    database.fault = Unavailable("not yet")
    served = Served(database)
    starting = asyncio.create_task(served.start())
    await until(lambda: database.refused >= 2)

    database.fault = None
    await starting

    assert await health_of(served) == health_pb2.HealthCheckResponse.SERVING
    await served.stop()


async def test_metrics_are_served_where_a_port_is_set_for_them(database: CountingDatabase) -> None:
    port = free_port()
    settings = JobsServerSettings(grpc_port=0, grpc_metrics_port=port)
    served = Served(database, settings=SETTINGS.model_copy(update={"jobs_server": settings}))
    await served.start()
    await served.submit()

    async with httpx.AsyncClient() as client:
        page = (await client.get(f"http://127.0.0.1:{port}/metrics")).text

    assert "qserver_submissions_total 1.0" in page
    await served.stop()


async def test_inspectors_are_as_many_as_the_cores_that_this_process_may_use(
    database: CountingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs_server.service.read_machine", lambda: Machine(cores=1, memory_bytes=2**30))
    served = Served(database)
    await served.start()
    circuits = [BELL + b"// circuit %d" % number for number in range(8)]

    submissions = [jobs_pb2.JobSubmission(spec=spec_of(), source=circuit) for circuit in circuits]
    await served.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=submissions))

    assert (len(served.inspectors.inspected), served.inspectors.spawned) == (8, 1)
    await served.stop()
