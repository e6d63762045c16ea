"""Results of many jobs in one answer."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from database.job_results import SHARED_BYTES
from database.result_documents import encode_result
from qserver.errors import Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import Job
from qserver.results import Array
from tests.unit.rest_api.site import RESULT, Site

ROUTE = "/api/v1/results"
NDJSON = {"Accept": "application/x-ndjson"}


def finished(site: Site, number: int) -> list[Job]:
    """Have some jobs that are finished."""
    jobs = [site.submit() for _ in range(number)]
    for job in jobs:
        site.finish(job)
    return jobs


async def ids_of(site: Site, **params: object) -> Sequence[str]:
    answer = await site.client.get(ROUTE, params=params)  # type: ignore[arg-type] # lists too
    assert answer.status_code == 200, answer.text
    return [each["job_id"] for each in answer.json()]


def texts(jobs: Sequence[Job]) -> list[str]:
    return [str(job.id) for job in jobs]


async def test_results_are_listed_as_they_are_stored(site: Site) -> None:
    (job,) = finished(site, 1)

    answer = await site.client.get(ROUTE)

    stored = json.loads(encode_result(RESULT))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [
        {"job_id": str(job.id), "status": "finished", "reason": None, "message": None, "results": [stored]}
    ]


async def test_a_job_without_a_result_says_why(site: Site) -> None:
    pending, failed = site.submit(), site.submit()
    site.fail(failed, Reason.OUT_OF_MEMORY, "needs 3 GiB")
    unknown = uuid4()

    answer = await site.client.get(ROUTE, params={"id": [str(failed.id), str(unknown), str(pending.id)]})

    assert [tuple(each.values()) for each in answer.json()] == [
        (
            str(failed.id),
            "failed",
            "OUT_OF_MEMORY",
            f"job {failed.id} has no result: it failed: needs 3 GiB",
            [],
        ),
        (str(unknown), None, "NOT_FOUND", f"there is no job {unknown}", []),
        (str(pending.id), "pending", "NOT_FOUND", f"job {pending.id} has no result yet: it is pending", []),
    ]


async def test_lines_hold_a_job_each(site: Site) -> None:
    jobs = finished(site, 3)

    answer = await site.client.get(ROUTE, headers=NDJSON)

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["vary"] == "Accept"
    assert answer.text.endswith("}\n")
    assert [json.loads(line)["job_id"] for line in answer.text.splitlines()] == texts(jobs)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html, application/json;q=0.5", "application/json"),
        ("application/json, application/x-ndjson", "application/json"),
        ("Application/X-NDJSON;q=0.9, */*", "application/x-ndjson"),
    ],
)
async def test_the_form_that_is_named_first_is_given(site: Site, accept: str, media_type: str) -> None:
    answer = await site.client.get(ROUTE, headers={"Accept": accept})

    assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize("headers", [{}, NDJSON])
async def test_an_empty_page_is_empty(site: Site, headers: Mapping[str, str]) -> None:
    answer = await site.client.get(ROUTE, params={"cursor": 5}, headers=headers)

    assert answer.text == ("" if headers else "[]")


async def test_pages_follow_the_order_of_submission(site: Site) -> None:
    jobs = finished(site, 22)

    assert await ids_of(site) == texts(jobs[:20])
    assert await ids_of(site, cursor=20) == texts(jobs[20:])
    assert await ids_of(site, limit=500, cursor=1) == texts(jobs[1:])
    assert await ids_of(site, limit=2) == texts(jobs[:2])


async def test_jobs_are_chosen_by_status(site: Site) -> None:
    (done,) = finished(site, 1)
    pending, failed = site.submit(), site.submit()
    site.fail(failed, Reason.PLUGIN_ERROR, "no")
    named = [str(pending.id), str(failed.id), str(done.id), str(uuid4())]

    assert await ids_of(site, status="finished") == texts([done])
    assert await ids_of(site, status=["pending", "failed"]) == texts([pending, failed])
    assert await ids_of(site, status=["failed", "finished"], id=named) == texts([failed, done])


async def test_named_jobs_come_in_that_order_and_once(site: Site) -> None:
    first, second, third = texts(finished(site, 3))

    assert await ids_of(site, id=[third, first, third, second]) == [third, first, second]
    assert await ids_of(site, id=[third, first, second], cursor=1, limit=1) == [first]


@pytest.mark.parametrize("headers", [{}, NDJSON])
async def test_a_large_result_is_read_by_itself(site: Site, headers: Mapping[str, str]) -> None:
    small, large, last = (site.submit() for _ in range(3))
    data = bytes(range(256)) * (SHARED_BYTES // 256)
    array = Array("statevector", "complex128", (len(data) // 16,), data)
    site.finish(small, replace(RESULT, arrays=(Array("memory", "bits", (1, 2), b"\xc0"),)))
    site.finish(large, replace(RESULT, arrays=(array,)))
    site.finish(last)

    answer = await site.client.get(ROUTE, headers=headers)

    found = [json.loads(line) for line in answer.text.splitlines()] if headers else answer.json()
    assert [each["job_id"] for each in found] == texts([small, large, last])
    assert found[0]["results"][0]["arrays"] == [{"name": "memory", "dtype": "bits", "shape": [1, 2], "data": "wA=="}]
    assert base64.b64decode(found[1]["results"][0]["arrays"][0]["data"]) == data
    assert "arrays" not in found[2]["results"][0]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"id": "42"}, "query.id.0"),
        ({"id": [str(uuid4()) for _ in range(401)]}, "query.id"),
        ({"status": "over"}, "query.status.0"),
        ({"limit": 0}, "query.limit"),
        ({"limit": 501}, "query.limit"),
        ({"cursor": -1}, "query.cursor"),
    ],
)
async def test_wrong_parameters_are_named(site: Site, params: Mapping[str, object], place: str) -> None:
    answer = await site.client.get(ROUTE, params=params)  # type: ignore[arg-type] # lists too

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == place


async def test_deleted_jobs_are_not_listed(site: Site) -> None:
    gone, kept = finished(site, 2)
    with site.database.transaction() as transaction:
        transaction.jobs.delete(gone.id, ANONYMOUS)

    assert await ids_of(site) == texts([kept])


@pytest.mark.parametrize(("name", "wrong"), [("id", "x"), ("status", "lost")])
async def test_of_many_wrong_values_the_first_is_told(site: Site, name: str, wrong: str) -> None:
    answer = await site.client.get("/api/v1/results", params={name: [wrong] * 5})

    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json()["errors"]] == [f"query.{name}.0"]


async def test_a_status_that_is_named_more_often_than_there_are_statuses_is_refused(site: Site) -> None:
    answer = await site.client.get("/api/v1/results", params={"status": ["pending"] * 6})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "query.status")
