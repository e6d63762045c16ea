"""The whole HTTP service on a socket of its own, over PostgreSQL."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from database import Database
from qserver.errors import SettingsError
from qserver.settings import DatabaseSettings, RestApiSettings, Settings
from rest_api.service import RestApi, listen
from tests.servers.ports import free_port
from tests.unit.rest_api.site import FakeCatalog, Stage, prepare_database
from tests.waiting import until

DEADLINE_SECONDS = 30


@pytest.fixture
def settings(postgres_database_url: str) -> Settings:
    """Settings for an empty database; nobody listens where jobs_server should be."""
    return Settings(
        database=DatabaseSettings(database_url=SecretStr(postgres_database_url)),
        rest_api=RestApiSettings(http_port=0, jobs_server_address=f"127.0.0.1:{free_port()}"),
    )


@pytest.fixture
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    """A prepared database."""
    await asyncio.to_thread(prepare_database, settings.database)
    database = Database.open(settings.database)
    yield Stage(database)
    await asyncio.to_thread(database.close)


@pytest.fixture
async def service(settings: Settings, stage: Stage) -> AsyncIterator[RestApi]:
    """A running service."""
    running = RestApi(settings, stage.database, plugin_installer=FakeCatalog())
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(service: RestApi) -> AsyncIterator[httpx.AsyncClient]:
    """A client over TCP."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}", timeout=DEADLINE_SECONDS) as connected:
        yield connected


async def test_jobs_results_and_history_are_read_from_postgres(stage: Stage, client: httpx.AsyncClient) -> None:
    job = stage.submit(metadata={"name": "ü"})
    stage.finish(job)

    listed = (await client.get("/api/v1/jobs/?cursor=0")).json()
    result = (await client.get(f"/api/v1/job/result/{job.id}/")).json()
    history = (await client.get("/api/v1/history")).json()

    assert [(entry["id"], entry["metadata"]) for entry in listed] == [(str(job.id), {"name": "ü"})]
    assert result["counts"] == {"00": 600, "11": 400}
    assert [entry["job_id"] for entry in history] == [str(job.id)]


async def test_whoever_sends_too_large_a_body_to_its_end_is_told_why(settings: Settings, service: RestApi) -> None:
    size = settings.limits.max_call_bytes + 1
    head = "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    async with asyncio.timeout(DEADLINE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(f"{head}Content-Length: {size}\r\n\r\n".encode() + b" " * size)
        await writer.drain()
        status = await reader.readline()
        told = await reader.readuntil(b"(QSERVER_MAX_CALL_BYTES)")
        writer.close()

    assert status.startswith(b"HTTP/1.1 413 ")
    assert b"the body is larger than 33,554,432 bytes" in told


async def test_events_are_pushed_as_they_happen(stage: Stage, client: httpx.AsyncClient) -> None:
    job = stage.submit()
    seen: list[str] = []

    async with asyncio.timeout(DEADLINE_SECONDS), client.stream("GET", f"/api/v1/job/{job.id}/events") as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("id:"):
                continue
            seen.append(line)
            if line == "id: 1":
                await asyncio.to_thread(stage.finish, job)

    assert seen == ["id: 1", "id: 2", "id: 3"]


async def test_a_client_that_leaves_frees_its_stream(stage: Stage, client: httpx.AsyncClient) -> None:
    job = stage.submit()

    async def is_free() -> bool:
        return "qserver_http_event_streams 0.0" in (await client.get("/metrics")).text

    async with client.stream("GET", f"/api/v1/job/{job.id}/events") as stream:
        lines = stream.aiter_lines()  # named: collecting it as garbage would close the connection
        await anext(lines)
        assert not await is_free()

    await until(is_free)


async def test_stopping_ends_open_streams_at_once(settings: Settings, stage: Stage) -> None:
    service = RestApi(settings, stage.database, plugin_installer=FakeCatalog())
    await service.start()
    job = stage.submit()

    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as client,
        client.stream("GET", f"/api/v1/job/{job.id}/events") as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        await service.stop()
        rest = [line async for line in lines]

    assert not any("event" in line for line in rest)
    with pytest.raises(RuntimeError):
        service.port  # noqa: B018 - the property is what is tested


async def test_who_is_in_a_hurry_waits_for_no_request(
    settings: Settings, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rest_api.service.DRAIN_SECONDS", 3600)
    service = RestApi(settings, stage.database, plugin_installer=FakeCatalog())
    await service.start()
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: 2\r\n\r\n{")
    await writer.drain()

    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0)
    await service.hurry()

    async with asyncio.timeout(DEADLINE_SECONDS):
        await stopping
    writer.close()


async def test_a_taken_port_is_named(settings: Settings, stage: Stage, service: RestApi) -> None:
    taken = settings.model_copy(update={"rest_api": RestApiSettings(http_port=service.port)})

    with pytest.raises(SettingsError, match=rf"127.0.0.1:{service.port}.*QSERVER_HTTP_PORT"):
        await RestApi(taken, stage.database, plugin_installer=FakeCatalog()).start()


def test_a_short_answer_waits_for_no_receipt() -> None:
    with listen(RestApiSettings(http_port=0)) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()

    with connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_submitting_without_jobs_server_is_503_and_reading_goes_on(client: httpx.AsyncClient) -> None:
    job = {"backend": "aer", "circuit": "OPENQASM 2.0;", "result_types": ["counts"]}

    answer = await client.post("/api/v1/jobs", json=job)

    assert answer.status_code == 503
    assert "jobs_server" in answer.json()["msg"]
    assert (await client.get("/api/v1/health/ready")).json()["status"] == "degraded"
    assert (await client.get("/api/v1/jobs")).status_code == 200


async def test_two_administrators_adding_one_plugin_get_one_plugin(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/api/v1/plugin/fake-plugin") for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_a_database_that_is_away_is_503_on_every_route_that_reads() -> None:
    url = f"postgresql+psycopg://qserver@127.0.0.1:{free_port()}/qserver"
    settings = Settings(
        database=DatabaseSettings(database_url=SecretStr(url), database_timeout_seconds=2),
        rest_api=RestApiSettings(http_port=0),
    )
    database = Database.open(settings.database)
    service = RestApi(settings, database, plugin_installer=FakeCatalog())
    await service.start()

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}", timeout=DEADLINE_SECONDS) as client:
        for path in ("/api/v1/jobs", "/api/v1/history", "/api/v1/backends", "/api/v1/plugins", "/api/v1/workers"):
            answer = await client.get(path)

            assert answer.status_code == 503, path
            assert "retry-after" in answer.headers
            assert answer.headers["content-type"] == "application/problem+json"
        ready = await client.get("/api/v1/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert (await client.get("/api/v1/health")).status_code == 200

    await service.stop()
    database.close()
