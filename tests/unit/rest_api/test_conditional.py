"""Answers that a client may keep."""

from collections.abc import Callable

import pytest

from qserver.errors import Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import Job
from rest_api.conditional import is_known
from tests.unit.rest_api.site import BELL, RESULT, Site

Path = Callable[[Job], str]

PATHS: list[Path] = [
    lambda job: f"/api/v1/job/{job.id}",
    lambda job: f"/api/v1/job/result/{job.id}",
    lambda job: f"/api/v1/job/{job.id}/results",
    lambda job: f"/api/v1/job/{job.id}/circuit",
]
every_route = pytest.mark.parametrize("path", PATHS, ids=["job", "result", "results", "circuit"])


def finished(site: Site, source: str = BELL) -> Job:
    job = site.submit(source)
    site.finish(job)
    return job


@every_route
async def test_what_the_client_has_is_not_sent_again(site: Site, path: Path) -> None:
    where = path(finished(site))
    first = await site.client.get(where)
    tag = first.headers["etag"]

    again = await site.client.get(where, headers={"If-None-Match": tag})
    head = await site.client.head(where, headers={"If-None-Match": tag})

    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (tag, "private, no-cache")
    assert head.status_code == 304


@every_route
async def test_another_tag_gets_the_whole_answer(site: Site, path: Path) -> None:
    where, other = path(finished(site)), path(finished(site, f"{BELL} // another"))
    tag_of_other = (await site.client.get(other)).headers["etag"]

    answer = await site.client.get(where, headers={"If-None-Match": f'"old", {tag_of_other}'})

    assert answer.status_code == 200
    assert answer.headers["etag"] != tag_of_other
    assert answer.content == (await site.client.get(where)).content


async def test_a_job_that_waits_or_runs_is_told_anew_each_time(site: Site) -> None:
    job = site.submit()
    where = f"/api/v1/job/{job.id}"

    waiting = await site.client.get(where, headers={"If-None-Match": "*"})
    site.claim(job)
    running = await site.client.get(where, headers={"If-None-Match": "*"})

    assert (waiting.status_code, running.status_code) == (200, 200)
    assert "etag" not in waiting.headers
    assert "etag" not in running.headers


async def test_a_circuit_may_be_kept_from_the_start_and_by_each_job_of_it(site: Site) -> None:
    first, second = site.submit(), site.submit()
    tag = (await site.client.get(f"/api/v1/job/{first.id}/circuit")).headers["etag"]

    answer = await site.client.get(f"/api/v1/job/{second.id}/circuit", headers={"If-None-Match": tag})

    assert answer.status_code == 304


async def test_a_failed_job_may_be_kept_too(site: Site) -> None:
    job = site.submit()
    site.fail(job, Reason.PLUGIN_ERROR, "no")
    where = f"/api/v1/job/{job.id}"
    tag = (await site.client.get(where)).headers["etag"]

    assert (await site.client.get(where, headers={"If-None-Match": tag})).status_code == 304


async def test_a_job_whose_results_were_removed_is_another_answer(site: Site) -> None:
    job = finished(site)
    where = f"/api/v1/job/{job.id}"
    tag = (await site.client.get(where)).headers["etag"]
    with site.database.transaction() as transaction:
        transaction.retention.remove_old_results(keep_days=1e-9)

    answer = await site.client.get(where, headers={"If-None-Match": tag})

    assert answer.status_code == 200
    assert answer.json()["results"]["counts"] == {} != RESULT.counts


async def test_a_header_may_take_several_lines(site: Site) -> None:
    where = f"/api/v1/job/{finished(site).id}"
    tag = (await site.client.get(where)).headers["etag"]

    answer = await site.client.get(where, headers=[("If-None-Match", '"old"'), ("If-None-Match", tag)])

    assert answer.status_code == 304


@every_route
async def test_a_deleted_job_is_gone_whatever_the_client_has(site: Site, path: Path) -> None:
    job = finished(site)
    with site.database.transaction() as transaction:
        transaction.jobs.delete(job.id, ANONYMOUS)

    assert (await site.client.get(path(job), headers={"If-None-Match": "*"})).status_code == 404


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"x", W/"a"', True),
        ('"x","a"', True),
        ("*", True),
        (" * ", True),
        ('"x"', False),
        ("a", False),
        ('"a', False),
        ('"*"', False),
        ('"x,"a"', False),
        ("", False),
    ],
)
def test_a_tag_is_found_in_its_header(header: str, *, known: bool) -> None:
    assert is_known('"a"', header) is known
