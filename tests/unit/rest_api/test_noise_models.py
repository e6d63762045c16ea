"""Reading a job's noise model over HTTP."""

from qserver.jobs import Job, JobRequest, RunRequest
from qserver.json_types import JsonObject
from qserver.noise_models import OPTION, NoiseModel, reference_to
from qserver.results import ResultType
from tests.unit.rest_api.site import BELL, Site, store

MODEL = NoiseModel.of({"errors": [{"type": "roerror", "probabilities": [[0.9, 0.1], [0.2, 0.8]]}] * 100})


def a_job(site: Site, noise: JsonObject, model: NoiseModel | None = None) -> Job:
    run = RunRequest("aer", frozenset({ResultType.COUNTS}), options={OPTION: noise})
    return store(site.database, JobRequest(run), BELL.encode(), noise_model=model)


async def test_a_stored_model_is_read_back_whole(site: Site) -> None:
    job = a_job(site, reference_to(MODEL.sha256), MODEL)

    answer = await site.client.get(f"/api/v1/job/{job.id}/noise-model")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == MODEL.document()


async def test_a_model_may_be_kept_and_asked_for_again(site: Site) -> None:
    job = a_job(site, reference_to(MODEL.sha256), MODEL)
    first = await site.client.get(f"/api/v1/job/{job.id}/noise-model")

    again = await site.client.get(f"/api/v1/job/{job.id}/noise-model", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


async def test_a_small_model_is_read_as_it_stands_in_the_options(site: Site) -> None:
    small: JsonObject = {"name": "readout", "p1_given_0": 0.25}

    answer = await site.client.get(f"/api/v1/job/{a_job(site, small).id}/noise-model")

    assert answer.json() == small


async def test_a_job_without_noise_says_so(site: Site) -> None:
    job = site.submit(BELL)

    answer = await site.client.get(f"/api/v1/job/{job.id}/noise-model")

    assert (answer.status_code, answer.json()["msg"]) == (404, f"job {job.id} has no noise model")


async def test_the_limit_is_told(site: Site) -> None:
    limits = (await site.client.get("/api/v1/limits")).json()

    assert limits["max_noise_model_bytes"] == 8 * 1024 * 1024
