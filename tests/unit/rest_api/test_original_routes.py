"""The original's routes: golden shapes, statuses, and a trailing slash or none."""

from uuid import UUID

import pytest

from qserver.errors import Reason
from tests.unit.rest_api.site import BELL, RESULT, Site

NOBODY = "00000000-0000-4000-8000-00000000dead"
JOB_MEMBERS = [
    "id",
    "pointer",
    "target_simulator",
    "qasm",
    "status",
    "submission_date",
    "start_time",
    "finish_time",
    "metadata",
    "result_types",
    "results",
]
OUR_MEMBERS = ["owner"]


def is_uuid(text: str) -> bool:
    return str(UUID(text)) == text


async def test_a_waiting_job_has_the_original_shape(site: Site) -> None:
    job = site.submit(metadata={"shots": 1000, "framework": "qiskit", "obs": [[["ZZ", 1]]]})

    answer = await site.client.get(f"/api/v1/job/{job.id}")

    body = answer.json()
    assert answer.status_code == 200
    assert list(body) == [*JOB_MEMBERS, *OUR_MEMBERS]
    assert is_uuid(body["result_types"].pop("id"))
    assert body == {
        "id": str(job.id),
        "pointer": job.pointer,
        "target_simulator": "aer",
        "qasm": BELL,
        "status": "pending",
        "submission_date": job.submitted_at.isoformat(),
        "start_time": None,
        "finish_time": None,
        "metadata": {"shots": 1000, "framework": "qiskit", "obs": [[["ZZ", 1]]]},
        "result_types": {"job_id": str(job.id), "counts": True, "quasi_dist": False, "expval": False},
        "results": {"id": "", "job_id": "", "counts": {}, "quasi_dist": {}, "expval": []},
        "owner": "anonymous",
    }


async def test_a_finished_job_carries_its_results_and_times(site: Site) -> None:
    job = site.submit()
    site.finish(job)

    body = (await site.client.get(f"/api/v1/job/{job.id}")).json()

    assert body["status"] == "finished"
    assert body["start_time"].endswith("+00:00")
    assert body["finish_time"] >= body["start_time"] >= body["submission_date"]
    assert is_uuid(body["results"].pop("id"))
    assert body["results"] == {
        "job_id": str(job.id),
        "counts": {"00": 600, "11": 400},
        "quasi_dist": {"0": 0.6, "3": 0.4},
        "expval": [1.0],
    }


async def test_results_have_the_original_shape(site: Site) -> None:
    job = site.submit()
    site.finish(job)

    answer = await site.client.get(f"/api/v1/job/result/{job.id}")

    assert answer.status_code == 200
    assert list(answer.json()) == ["id", "job_id", "counts", "quasi_dist", "expval"]
    assert answer.json()["counts"] == RESULT.counts


async def test_there_is_no_result_before_the_end(site: Site) -> None:
    job = site.submit()

    answer = await site.client.get(f"/api/v1/job/result/{job.id}")

    assert answer.status_code == 404
    assert answer.json()["msg"] == f"job {job.id} has no result yet: it is pending"


async def test_a_job_that_waits_for_its_plugin_says_so(site: Site) -> None:
    job = site.submit()
    with site.database.transaction() as transaction:
        transaction.jobs.set_waiting_reason("aer", Reason.PLUGIN_INSTALLING, "plugin aer is installing")

    answer = await site.client.get(f"/api/v1/job/result/{job.id}")

    assert answer.status_code == 404
    assert answer.json()["reason"] == "PLUGIN_INSTALLING"
    assert answer.json()["msg"] == f"job {job.id} has no result yet: it is pending: plugin aer is installing"


async def test_a_failed_job_has_no_result_and_says_why(site: Site) -> None:
    job = site.submit()
    site.fail(job, Reason.OUT_OF_MEMORY, "needs 3 GiB")

    answer = await site.client.get(f"/api/v1/job/result/{job.id}")

    assert answer.status_code == 404
    assert answer.json()["reason"] == "OUT_OF_MEMORY"
    assert answer.json()["msg"] == f"job {job.id} has no result: it failed: needs 3 GiB"


@pytest.mark.parametrize("is_running", [False, True])
async def test_a_job_that_is_not_over_can_be_canceled(site: Site, is_running: bool) -> None:  # noqa: FBT001
    job = site.submit()
    if is_running:
        site.claim(job)

    answer = await site.client.put(f"/api/v1/job/cancel/{job.id}")

    assert (answer.status_code, answer.json()) == (200, {"msg": "Success"})
    assert (await site.client.get(f"/api/v1/job/{job.id}")).json()["status"] == "canceled"


async def test_a_job_that_is_over_can_not_be_canceled(site: Site) -> None:
    job = site.submit()
    site.finish(job)

    answer = await site.client.put(f"/api/v1/job/cancel/{job.id}")

    assert answer.status_code == 409
    assert answer.json()["reason"] == "CONFLICT"


async def test_a_deleted_job_is_gone_and_stays_in_the_history(site: Site) -> None:
    job = site.submit(metadata={"name": "mine"})
    site.finish(job)

    answer = await site.client.delete(f"/api/v1/job/{job.id}")

    assert (answer.status_code, answer.json()) == (200, {"msg": "Success"})
    assert (await site.client.get(f"/api/v1/job/{job.id}")).status_code == 404
    (row,) = (await site.client.get("/api/v1/history/")).json()
    assert list(row) == ["id", "job_id", *JOB_MEMBERS[1:], *OUR_MEMBERS]
    assert row["job_id"] == str(job.id)
    assert isinstance(row["id"], int)
    assert (row["status"], row["metadata"]) == ("finished", {"name": "mine"})


async def test_a_running_job_can_not_be_deleted(site: Site) -> None:
    job = site.submit()
    site.claim(job)

    answer = await site.client.delete(f"/api/v1/job/{job.id}")

    assert answer.status_code == 409


async def test_jobs_come_in_pages_of_twenty_in_the_order_of_submission(site: Site) -> None:
    jobs = [site.submit() for _ in range(23)]

    first = (await site.client.get("/api/v1/jobs/?cursor=0")).json()
    second = (await site.client.get("/api/v1/jobs/?cursor=20")).json()
    past = (await site.client.get("/api/v1/jobs/?cursor=23")).json()

    assert [job["id"] for job in first + second] == [str(job.id) for job in jobs]
    assert (len(first), len(second), past) == (20, 3, [])


async def test_a_backend_has_the_original_shape(site: Site) -> None:
    answer = await site.client.get("/api/v1/backend/aer")

    body = answer.json()
    assert answer.status_code == 200
    assert is_uuid(body.pop("id"))
    assert body == {"backend_name": "aer", "pointer": 1, "plugin": "aer"}
    assert [backend["backend_name"] for backend in (await site.client.get("/api/v1/backends/")).json()] == ["aer"]
    assert (await site.client.get("/api/v1/backends/?cursor=1")).json() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/api/v1/job/{NOBODY}"),
        ("GET", f"/api/v1/job/result/{NOBODY}"),
        ("GET", f"/api/v1/job/{NOBODY}/results"),
        ("GET", f"/api/v1/job/{NOBODY}/events"),
        ("GET", f"/api/v1/job/{NOBODY}/circuit"),
        ("PUT", f"/api/v1/job/cancel/{NOBODY}"),
        ("DELETE", f"/api/v1/job/{NOBODY}"),
        ("GET", "/api/v1/backend/nobody"),
        ("DELETE", "/api/v1/plugin/nobody"),
        ("POST", "/api/v1/plugin/nobody"),
    ],
)
async def test_what_is_not_there_is_404_and_named(site: Site, method: str, path: str) -> None:
    answer = await site.client.request(method, path)

    assert answer.status_code == 404
    assert (NOBODY if NOBODY in path else "nobody") in answer.json()["msg"]


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/history", "/api/v1/backends", "/api/v1/health", "/docs"])
async def test_a_trailing_slash_makes_no_difference(site: Site, path: str) -> None:
    without, with_slash = await site.client.get(path), await site.client.get(f"{path}/")

    assert without.status_code == with_slash.status_code == 200
    assert without.content == with_slash.content


async def test_health_has_the_original_shape(site: Site) -> None:
    assert (await site.client.get("/api/v1/health/")).json() == {"status": "ok"}


async def test_metadata_is_given_back_as_it_came_even_past_64_bits(site: Site) -> None:
    job = site.submit(metadata={"big": 10**30, "text": "ü"})

    body = (await site.client.get(f"/api/v1/job/{job.id}")).json()

    assert body["metadata"] == {"big": 10**30, "text": "ü"}
