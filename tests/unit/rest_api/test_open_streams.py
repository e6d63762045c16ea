"""Event streams that are open when their caller may no longer come in."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from httpx import Response

from database.people_records import NewKey
from qserver.access.keys import hash_key, make_key
from qserver.identity import ANONYMOUS, EVERYTHING, Identity, Role
from qserver.jobs import Job, JobRequest, RunRequest
from qserver.results import ResultType
from qserver.settings import AccessSettings, QuotaSettings, Settings
from tests.unit.rest_api.site import BELL, Site, build_site, store
from tests.waiting import until

ACCESS = AccessSettings.model_validate({"auth": "required", "key_cache_seconds": 60})


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """A site that asks for keys."""
    quotas = QuotaSettings(max_open_streams_per_user=2)
    room = settings.rest_api.model_copy(update={"event_streams": 3})
    built = build_site(settings.model_copy(update={"access": ACCESS, "quotas": quotas, "rest_api": room}))
    built.services.event_hub.start()
    yield built
    await built.client.aclose()
    built.services.event_hub.close()
    built.database.close()


def _add(site: Site, name: str, role: Role = Role.USER) -> tuple[str, Job]:
    """Add somebody with a key and a job; gives both."""
    key = make_key()
    with site.database.transaction() as transaction:
        user = transaction.users.add(name, role)
        transaction.keys.add(NewKey(hash_key(key), user.id, "first", EVERYTHING))
    request = JobRequest(RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS})))
    return key, store(site.database, request, BELL.encode(), identity=Identity(user.id, name, role))


async def _open(site: Site, job_id: UUID, key: str) -> asyncio.Task[Response]:
    headers = {"Authorization": f"Bearer {key}"}
    open_before = site.services.event_hub.open_streams
    stream = asyncio.create_task(site.client.get(f"/api/v1/job/{job_id}/events", headers=headers))
    await until(lambda: site.services.event_hub.open_streams > open_before)
    return stream


async def _look(site: Site) -> None:
    site.services.authenticator.forget()
    await site.services.open_streams.look()


async def test_a_stream_ends_with_an_error_event_when_its_key_is_revoked(site: Site) -> None:
    key, job = _add(site, "ada")
    stream = await _open(site, job.id, key)

    with site.database.transaction() as transaction:
        (record,) = transaction.keys.list(ANONYMOUS, owner="ada")
        transaction.keys.revoke(record.id, ANONYMOUS)
    await _look(site)

    async with asyncio.timeout(30):
        last = (await stream).text.strip().split("\n\n")[-1]  # what stood before may have been sent by then
    name, data = last.splitlines()
    assert name == "event: error"
    problem = json.loads(data.removeprefix("data: "))
    assert (problem["status"], problem["reason"]) == (401, "UNAUTHENTICATED")
    assert "revoked" in problem["detail"]
    assert site.services.event_hub.open_streams == 0


async def test_a_stream_whose_caller_is_good_goes_on_to_its_end(site: Site) -> None:
    key, job = _add(site, "ada")
    stream = await _open(site, job.id, key)

    await _look(site)
    site.finish(job)

    async with asyncio.timeout(30):
        text = (await stream).text
    assert [line for line in text.splitlines() if line.startswith("id:")] == ["id: 1", "id: 2", "id: 3"]
    assert "event: error" not in text


async def test_who_is_no_administrator_any_more_follows_others_jobs_no_longer(site: Site) -> None:
    _add(site, "other", Role.ADMIN)
    (root, _), (_, job) = _add(site, "root", Role.ADMIN), _add(site, "ada")
    stream = await _open(site, job.id, root)

    with site.database.transaction() as transaction:
        transaction.users.change("root", role=Role.USER)
    await _look(site)

    async with asyncio.timeout(30):
        assert '"reason":"UNAVAILABLE"' in (await stream).text
    again = await site.client.get(f"/api/v1/job/{job.id}/events", headers={"Authorization": f"Bearer {root}"})
    assert again.status_code == 404


async def test_one_user_s_streams_leave_room_to_others(site: Site) -> None:
    (adas, job), (eves, eves_job) = _add(site, "ada"), _add(site, "eve")
    streams = [await _open(site, job.id, adas) for _ in range(2)]

    refused = await site.client.get(f"/api/v1/job/{job.id}/events", headers={"Authorization": f"Bearer {adas}"})

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert refused.json()["limit"] == {"name": "max_open_streams_per_user", "value": 2, "retry_after_seconds": 5}
    assert "close some" in refused.json()["detail"]
    limits = (await site.client.get("/api/v1/limits", headers={"Authorization": f"Bearer {adas}"})).json()
    assert {"name": "max_open_streams_per_user", "limit": 2, "used": 2} in limits["quotas"]
    streams.append(await _open(site, eves_job.id, eves))
    site.finish(job)
    site.finish(eves_job)
    async with asyncio.timeout(30):
        await asyncio.gather(*streams)
    assert site.services.event_hub.open_streams == 0
