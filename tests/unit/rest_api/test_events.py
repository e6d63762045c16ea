"""Live events: in order, resumable, ended by the final one, limited in number."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import pytest

from database import Change, ChangeKind
from qserver.errors import Overloaded, Reason, Unavailable
from qserver.identity import ANONYMOUS
from rest_api.event_hub import EventHub
from rest_api.event_stream import JobEvents
from tests.unit.rest_api.site import Site
from tests.waiting import until

DEADLINE_SECONDS = 10


@dataclass(frozen=True)
class Received:
    """One event as a browser reads it."""

    id: int
    status: str
    reason: str | None


def _parsed(text: str) -> Sequence[Received]:
    received = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            data = json.loads(fields["data"])
            assert data["sequence"] == int(fields["id"])
            received.append(Received(int(fields["id"]), data["status"], data["reason"]))
    return received


async def _until_open(site: Site, streams: int = 1) -> None:
    await until(lambda: site.services.event_hub.open_streams == streams)


async def test_a_finished_job_tells_its_whole_life_and_ends(site: Site) -> None:
    job = site.submit()
    site.finish(job)

    answer = await site.client.get(f"/api/v1/job/{job.id}/events")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert [(event.id, event.status) for event in _parsed(answer.text)] == [
        (1, "pending"),
        (2, "running"),
        (3, "finished"),
    ]


async def test_a_stream_goes_on_after_the_last_event_seen(site: Site) -> None:
    job = site.submit()
    site.fail(job, Reason.PLUGIN_ERROR, "it broke")

    answer = await site.client.get(f"/api/v1/job/{job.id}/events", headers={"last-event-id": "2"})

    assert _parsed(answer.text) == [Received(3, "failed", "PLUGIN_ERROR")]


async def test_who_has_seen_the_final_event_is_told_not_to_come_back(site: Site) -> None:
    job = site.submit()
    site.finish(job)

    answer = await site.client.get(f"/api/v1/job/{job.id}/events", headers={"last-event-id": "3"})

    assert answer.status_code == 204


@pytest.mark.parametrize("last", ["x", "-1", "", "1_0", "+1", str(2**63)])
async def test_a_wrong_last_event_id_is_named(site: Site, last: str) -> None:
    job = site.submit()

    answer = await site.client.get(f"/api/v1/job/{job.id}/events", headers={"last-event-id": last})

    assert answer.status_code == 400
    assert "last-event-id" in answer.json()["msg"].lower()


async def test_events_arrive_while_the_stream_is_open(site: Site) -> None:
    job = site.submit()
    stream = asyncio.create_task(site.client.get(f"/api/v1/job/{job.id}/events"))
    await _until_open(site)

    site.finish(job)

    async with asyncio.timeout(DEADLINE_SECONDS):
        answer = await stream
    assert [event.status for event in _parsed(answer.text)] == ["pending", "running", "finished"]
    assert site.services.event_hub.open_streams == 0


async def test_a_deleted_job_ends_its_stream(site: Site) -> None:
    job = site.submit()
    stream = asyncio.create_task(site.client.get(f"/api/v1/job/{job.id}/events"))
    await _until_open(site)

    assert (await site.client.delete(f"/api/v1/job/{job.id}")).status_code == 200

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await stream).status_code == 200


async def test_more_streams_than_allowed_are_refused(site: Site) -> None:
    job = site.submit()
    path = f"/api/v1/job/{job.id}/events"
    streams = [asyncio.create_task(site.client.get(path)) for _ in range(2)]
    await _until_open(site, streams=2)

    refused = await site.client.get(path)

    assert refused.status_code == 503
    assert refused.json()["reason"] == "OVERLOADED"
    assert "QSERVER_EVENT_STREAMS" in refused.json()["msg"]
    site.finish(job)
    await asyncio.gather(*streams)
    assert (await site.client.get(path)).status_code == 200


async def test_a_closed_hub_ends_every_stream(site: Site) -> None:
    job = site.submit()
    stream = asyncio.create_task(site.client.get(f"/api/v1/job/{job.id}/events"))
    await _until_open(site)

    site.services.event_hub.close()

    async with asyncio.timeout(DEADLINE_SECONDS):
        answer = await stream
    assert [event.status for event in _parsed(answer.text)] == ["pending"]


async def test_no_stream_begins_while_the_service_stops(site: Site) -> None:
    job = site.submit()
    site.services.event_hub.close()

    answer = await site.client.get(f"/api/v1/job/{job.id}/events")

    assert answer.status_code == 503
    assert "stopping" in answer.json()["msg"]


async def test_head_opens_no_stream(site: Site) -> None:
    job = site.submit()

    async with asyncio.timeout(DEADLINE_SECONDS):
        answer = await site.client.head(f"/api/v1/job/{job.id}/events")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_an_event_whose_announcement_was_lost_is_found_by_the_poll(site: Site) -> None:
    job = site.submit()
    events = JobEvents(site.database, job.id, ANONYMOUS)
    deaf = EventHub(site.database.changes, max_streams=1)
    first = await events.read(0)
    site.finish(job)

    with deaf.watch(job.id) as watch:
        sent = [event.id async for event in events.follow(first, watch, after_sequence=0, poll_seconds=0.01)]

    assert sent == ["1", "2", "3"]


async def test_a_database_that_is_away_delays_events_and_loses_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = site.submit()
    events = JobEvents(site.database, job.id, ANONYMOUS)
    first, read = await events.read(0), JobEvents.read
    failures = iter([True, True])

    async def read_sometimes(self: JobEvents, after_sequence: int) -> object:
        if next(failures, False):
            raise Unavailable("the database doesn't answer")
        return await read(self, after_sequence)

    monkeypatch.setattr(JobEvents, "read", read_sometimes)
    site.finish(job)

    with site.services.event_hub.watch(job.id) as watch:
        sent = [event.id async for event in events.follow(first, watch, after_sequence=0, poll_seconds=0.01)]

    assert sent == ["1", "2", "3"]


async def test_who_comes_when_all_had_gone_is_told_too(site: Site) -> None:
    hub, job_id = site.services.event_hub, uuid4()
    with hub.watch(job_id), hub.watch(job_id):
        pass

    with hub.watch(job_id) as watch:
        site.database.changes.after_commit([Change(ChangeKind.ENDED, (job_id,))])
        async with asyncio.timeout(DEADLINE_SECONDS):
            await watch.wait(2 * DEADLINE_SECONDS)


async def test_only_the_streams_of_the_changed_job_wake(site: Site) -> None:
    hub, mine, other = site.services.event_hub, uuid4(), uuid4()

    with hub.watch(mine) as woken, hub.watch(other) as asleep:
        site.database.changes.after_commit([Change(ChangeKind.JOBS, (mine,))])
        await woken.wait(DEADLINE_SECONDS)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asleep.wait(DEADLINE_SECONDS), timeout=0)


async def test_every_stream_wakes_when_announcements_may_have_been_missed(site: Site) -> None:
    hub = site.services.event_hub

    with hub.watch(uuid4()) as one, hub.watch(uuid4()) as two:
        site.database.changes.after_commit([Change(ChangeKind.RECONNECTED)])

        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(one.wait(2 * DEADLINE_SECONDS), two.wait(2 * DEADLINE_SECONDS))


async def test_a_place_is_free_again_when_its_stream_ends(site: Site) -> None:
    hub, job_id = site.services.event_hub, uuid4()

    with hub.watch(job_id), hub.watch(job_id), pytest.raises(Overloaded), hub.watch(job_id):
        pass

    with hub.watch(job_id):
        assert hub.open_streams == 1
