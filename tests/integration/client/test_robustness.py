"""A client goes on where it was: after lost answers, cut lines, and lines that went dead without a word."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from qserver import AsyncClient, Client
from qserver.client.submissions import BYTES_A_CALL
from qserver.errors import NotFound, Unavailable, WaitTimeout
from qserver.jobs import JobStatus
from tests.integration.client.conftest import QUICK
from tests.integration.client.fake_service import FakeJobService
from tests.integration.client.relay import Relay
from tests.servers.ports import free_port
from tests.waiting import until, wait_until

CIRCUIT = "OPENQASM 2.0;"
Break = Callable[[Relay], None]


@pytest.mark.parametrize("circuit", [CIRCUIT, CIRCUIT + " " * BYTES_A_CALL], ids=["small", "streamed"])
def test_a_submission_whose_answer_was_lost_runs_once(service: FakeJobService, client: Client, circuit: str) -> None:
    service.lost_answers = 2

    job = client.submit(circuit)

    assert job.id == "job-0"
    assert service.sources == [circuit.encode()]


def test_every_call_shows_the_key(service: FakeJobService, client: Client) -> None:
    client.submit(CIRCUIT)

    assert service.keys == ["Bearer the-key"]


def test_a_thousand_circuits_are_one_call_of_ours(service: FakeJobService, client: Client) -> None:
    jobs = client.submit([CIRCUIT] * 1000)
    service.finish(*jobs.ids)

    results = jobs.results(timeout_seconds=60)

    assert len(service.sources) == 1000
    assert [result.job_id for result in results] == list(jobs.ids)


@pytest.mark.parametrize("line_breaks", [Relay.cut, Relay.go_dead])
def test_waiting_for_results_survives_the_line(
    service: FakeJobService, relay: Relay, client: Client, line_breaks: Break
) -> None:
    jobs = client.submit([CIRCUIT] * 3)
    service.finish(jobs.ids[0])
    with ThreadPoolExecutor(1) as waiter:
        results = waiter.submit(jobs.results, 60)
        wait_until(lambda: bool(service.asked), what="results are asked for")
        line_breaks(relay)
        wait_until(lambda: len(service.asked) > 1, what="they are asked for again")
        service.finish(*jobs.ids)

        assert [result.job_id for result in results.result(60)] == list(jobs.ids)

    assert relay.connections > 1


@pytest.mark.parametrize("line_breaks", [Relay.cut, Relay.go_dead])
async def test_waiting_in_asyncio_survives_the_line(
    service: FakeJobService, relay: Relay, async_client: AsyncClient, line_breaks: Break
) -> None:
    jobs = await async_client.submit([CIRCUIT] * 3)
    results = asyncio.create_task(jobs.results(60))
    await until(lambda: bool(service.asked))
    line_breaks(relay)
    await until(lambda: len(service.asked) > 1)
    service.finish(*jobs.ids)

    assert [result.job_id for result in await results] == list(jobs.ids)


def test_events_go_on_after_the_last_one_seen(service: FakeJobService, relay: Relay, client: Client) -> None:
    job = client.submit(CIRCUIT)
    seen = []

    for event in job.events(timeout_seconds=60):
        seen.append(event.status)
        if event.status is JobStatus.RUNNING:
            relay.cut()
            service.finish(job.id)

    assert seen == [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FINISHED]
    assert service.watched_after[0] == 0
    assert set(service.watched_after[1:]) == {2}


async def test_events_in_asyncio_go_on_after_the_last_one_seen(
    service: FakeJobService, relay: Relay, async_client: AsyncClient
) -> None:
    job = await async_client.submit(CIRCUIT)
    seen = []

    async for event in job.events(timeout_seconds=60):
        seen.append(event.status)
        if event.status is JobStatus.RUNNING:
            relay.cut()
            service.finish(job.id)

    assert seen == [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FINISHED]
    assert set(service.watched_after[1:]) == {2}


@pytest.mark.parametrize("line_breaks", [Relay.cut, Relay.go_dead])
def test_a_list_that_is_followed_gives_each_change_once(
    service: FakeJobService, relay: Relay, client: Client, line_breaks: Break
) -> None:
    ids = client.submit([CIRCUIT] * 3).ids
    followed = client.watch_jobs(limit=2)
    seen = [next(followed).id for _ in range(2)]

    line_breaks(relay)
    service.finish(ids[0])
    seen.append(next(followed).id)
    service.finish(ids[2])
    last = next(followed)

    assert [*seen, last.id] == [ids[1], ids[2], ids[0], ids[2]]
    assert last.status is JobStatus.FINISHED
    assert service.lists > 1


async def test_a_list_in_asyncio_is_followed_too(
    service: FakeJobService, relay: Relay, async_client: AsyncClient
) -> None:
    job = await async_client.submit(CIRCUIT)
    followed = async_client.watch_jobs()

    first = await anext(followed)
    relay.cut()
    service.finish(job.id)
    last = await anext(followed)

    assert (first.status, last.status) == (JobStatus.PENDING, JobStatus.FINISHED)
    assert first.id == last.id == job.id


async def test_a_job_can_be_awaited(service: FakeJobService, async_client: AsyncClient) -> None:
    job = await async_client.submit(CIRCUIT)
    service.finish(job.id)

    result = await job

    assert result.counts == {"0": 1}


async def test_a_lost_answer_in_asyncio_runs_nothing_twice(service: FakeJobService, async_client: AsyncClient) -> None:
    service.lost_answers = 1

    jobs = await async_client.submit([CIRCUIT] * 300)

    assert len(set(jobs.ids)) == len(service.sources) == 300


def test_a_stream_is_opened_anew_before_it_grows_old(service: FakeJobService, relay: Relay) -> None:
    address = f"http://127.0.0.1:{relay.port}"
    with Client(address, grpc_url=address, patience=replace(QUICK, stream_seconds=0.2)) as client:
        job = client.submit(CIRCUIT)
        with ThreadPoolExecutor(1) as waiter:
            result = waiter.submit(job.result, 60)
            wait_until(lambda: len(service.asked) > 3, what="the stream was opened several times")
            service.finish(job.id)

            assert result.result(60).counts == {"0": 1}


def test_who_waits_only_so_long_is_told_that_the_job_goes_on(service: FakeJobService, client: Client) -> None:
    job = client.submit(CIRCUIT)

    with pytest.raises(WaitTimeout, match="not over yet") as late:
        job.result(timeout_seconds=0.2)
    service.finish(job.id)

    assert late.value.job_id == job.id
    assert job.result(timeout_seconds=60).counts == {"0": 1}


def test_a_refusal_names_the_job(client: Client) -> None:
    with pytest.raises(NotFound, match="no job unknown") as refused:
        client.job("unknown").status()

    assert refused.value.job_id == "unknown"


def test_a_server_that_is_away_is_named_once_patience_is_over() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with Client(address, grpc_url=address, patience=replace(QUICK, call_seconds=0.1)) as client:
        with pytest.raises(Unavailable, match=address):
            client.submit(CIRCUIT)
        with pytest.raises(Unavailable, match=address):
            client.health()
