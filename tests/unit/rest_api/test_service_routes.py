"""Health, readiness, limits, figures."""

import re
from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from prometheus_client import CollectorRegistry

import qserver
from database.records import WorkerRecord
from qserver.errors import Unavailable
from rest_api.app import create_app
from rest_api.services import Services
from tests.unit.rest_api.site import BASE_URL, Site

WORKER = WorkerRecord(
    id=UUID(int=1, version=4),
    name="ada",
    host="box",
    version="0.1.0",
    routes=frozenset({"cpu"}),
    plugins=("aer",),
    devices=("CPU",),
    cores=1,
    memory_bytes=1,
    gpu_memory_bytes=0,
    simulator_processes=1,
)


def _away() -> None:
    raise Unavailable("nobody answers")


async def _ready(services: Services) -> httpx.Response:
    app = create_app(services)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        return await client.get("/api/v1/health/ready")


def _register(site: Site, worker: WorkerRecord) -> None:
    with site.database.transaction() as transaction:
        transaction.workers.register(worker)


async def test_readiness_names_every_neighbour(site: Site) -> None:
    _register(site, WORKER)

    answer = await site.client.get("/api/v1/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "neighbours": [
            {"name": "database", "is_ready": True, "message": None},
            {"name": "jobs_server", "is_ready": True, "message": None},
            {"name": "workers", "is_ready": True, "message": None},
        ],
    }


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [
        ([], "no worker lives: submitted jobs wait"),
        ([replace(WORKER, is_draining=True)], "no worker lives: submitted jobs wait"),
        ([replace(WORKER, routes=frozenset())], "no worker can simulate, see the log of ada: submitted jobs wait"),
    ],
)
async def test_without_a_worker_that_can_simulate_the_service_is_degraded(
    site: Site, workers: list[WorkerRecord], sentence: str
) -> None:
    for worker in workers:
        _register(site, worker)

    answer = await site.client.get("/api/v1/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["neighbours"][-1] == {"name": "workers", "is_ready": False, "message": sentence}


async def test_without_jobs_server_and_broker_the_service_is_degraded(site: Site) -> None:
    site.jobs_server.failure = Unavailable("jobs_server is away")
    services = replace(site.services, broker_probe=_away, metrics=CollectorRegistry())

    answer = await _ready(services)

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["neighbours"][1:3] == [
        {"name": "jobs_server", "is_ready": False, "message": "jobs_server is away"},
        {"name": "broker", "is_ready": False, "message": "nobody answers"},
    ]


async def test_without_the_database_the_service_is_not_ready_but_alive(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.database, "ping", _away)

    answer = await site.client.get("/api/v1/health/ready")

    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert [each["name"] for each in answer.json()["neighbours"] if not each["is_ready"]] == ["database"]
    assert (await site.client.get("/api/v1/health")).status_code == 200


async def test_behind_the_proxy_grpc_is_where_http_is(site: Site) -> None:
    answer = await site.client.get("/api/v1/service")

    assert answer.json() == {"name": "qserver", "version": qserver.__version__, "grpc_port": None}


async def test_a_port_of_grpc_that_is_advertised_is_told(site: Site) -> None:
    settings = site.services.settings
    told = settings.model_copy(update={"rest_api": settings.rest_api.model_copy(update={"advertised_grpc_port": 1234})})
    app = create_app(replace(site.services, settings=told, metrics=CollectorRegistry()))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL) as client:
        answer = await client.get("/api/v1/service")

    assert answer.json()["grpc_port"] == 1234


async def test_limits_are_the_settings(site: Site) -> None:
    limits = (await site.client.get("/api/v1/limits")).json()

    quotas = limits.pop("quotas")
    assert limits == site.services.settings.limits.model_dump()
    assert {"name": "max_pending_jobs", "limit": None, "used": None} in quotas
    assert limits["max_call_bytes"] == 20_000


async def test_figures_tell_jobs_queues_and_latencies(site: Site) -> None:
    site.submit()
    site.claim(site.submit())
    site.finish(site.submit())
    await site.client.get("/api/v1/job/not-an-id")

    answer = await site.client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        'qserver_jobs{status="pending"} 1.0',
        'qserver_jobs{status="finished"} 1.0',
        'qserver_jobs{status="failed"} 0.0',
        'qserver_queue_jobs{route="cpu",status="running"} 1.0',
        "qserver_live_workers 0.0",
        "qserver_database_up 1.0",
        "qserver_http_event_streams 0.0",
    ):
        assert line in answer.text
    counted = 'qserver_http_request_duration_seconds_count{method="GET",route="/api/v1/job/{id}",status="400"} 1.0'
    assert counted in answer.text


async def test_figures_go_on_without_the_database(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.database, "reading", _away)

    answer = await site.client.get("/metrics")

    assert answer.status_code == 200
    assert "qserver_database_up 0.0" in answer.text
    assert not re.search(r"^qserver_jobs", answer.text, re.MULTILINE)


async def test_unknown_paths_and_methods_make_no_series_of_their_own(site: Site) -> None:
    await site.client.get("/a/b")
    await site.client.get("/a/c")
    await site.client.request("BREW", "/a/d")

    figures = (await site.client.get("/metrics")).text

    assert 'method="GET",route="unknown",status="404"} 2.0' in figures
    assert "BREW" not in figures


def test_two_applications_in_one_process_count_apart(site: Site) -> None:
    services = replace(site.services, metrics=type(site.services.metrics)())

    assert create_app(services) is not site.app
