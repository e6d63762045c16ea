"""Submitting as JSON, and what else is ours: circuits, full results."""

import base64
import json
from dataclasses import fields, replace

import numpy as np
import pytest

from qserver.circuits import CircuitFormat
from qserver.errors import QuotaExceeded, ReachedLimit
from qserver.jobs import JobRequest, RunRequest
from qserver.results import Array, PubResult, ResultType
from rest_api import schemas
from rest_api.json_response import encode
from rest_api.submission import Submission
from tests.unit.rest_api.site import BELL, RESULT, RUN, Site, store

JOB = {"backend": "aer", "circuit": BELL, "result_types": ["counts"]}


async def test_a_job_is_stored_and_says_where_it_is(site: Site) -> None:
    answer = await site.client.post("/api/v1/jobs", json={**JOB, "shots": 10, "metadata": {"name": "mine"}})

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/job/{body['id']}"
    assert body["status"] == "pending"
    stored = (await site.client.get(answer.headers["location"])).json()
    assert (stored["qasm"], stored["metadata"]) == (BELL, {"name": "mine"})


async def test_every_field_reaches_the_jobs_server(site: Site) -> None:
    wanted = {
        "backend": "aer",
        "circuit_base64": base64.b64encode(b"QISKIT\x0d").decode(),
        "circuit_format": "qpy",
        "result_types": ["counts", "expval"],
        "shots": 17,
        "seed": 2**63 - 1,
        "precision": 0.01,
        "observables": [[["ZZ", 1], ["XX", -0.5]]],
        "options": {"device": "CPU"},
        "metadata": {"a": [1, {"b": None}]},
        "priority": -100,
        "time_limit_seconds": 1.5,
        "expires_at": "2030-01-31T12:00:00+01:00",
        "request_id": "once",
        "cache": True,
    }

    answer = await site.client.post("/api/v1/jobs/", json=wanted)

    assert answer.status_code == 201
    (received,) = site.jobs_server.received
    assert received.source() == b"QISKIT\x0d"
    assert received.circuit_format is CircuitFormat.QPY
    assert received.result_types == [ResultType.COUNTS, ResultType.EXPVAL]
    assert received.observables == [[("ZZ", 1.0), ("XX", -0.5)]]
    assert received.expires_at is not None
    assert received.expires_at.isoformat() == "2030-01-31T12:00:00+01:00"
    assert (received.seed, received.shots, received.priority) == (2**63 - 1, 17, -100)
    assert received.cache


async def test_the_same_request_id_gives_the_first_job_again(site: Site) -> None:
    first = await site.client.post("/api/v1/jobs", json={**JOB, "request_id": "once"})
    second = await site.client.post("/api/v1/jobs", json={**JOB, "request_id": "once"})
    other = await site.client.post("/api/v1/jobs", json={**JOB, "request_id": "once", "shots": 5})

    assert first.json()["id"] == second.json()["id"]
    assert other.status_code == 409
    assert other.json()["reason"] == "ALREADY_EXISTS"


async def test_an_unknown_backend_is_the_callers_fault(site: Site) -> None:
    answer = await site.client.post("/api/v1/jobs", json={**JOB, "backend": "aerr"})

    assert answer.status_code == 400
    assert answer.json()["reason"] == "UNKNOWN_BACKEND"


def test_a_submission_needs_no_more_than_backend_circuit_and_result_types() -> None:
    submission = Submission.model_validate(JOB)

    assert submission.shots == 1000
    assert submission.source() == BELL.encode()


@pytest.mark.parametrize("written", [1e3, 1000])
def test_a_whole_number_may_be_written_with_point_or_exponent(written: float) -> None:
    assert Submission.model_validate({**JOB, "shots": written}).shots == 1000


async def test_a_circuit_comes_back_byte_for_byte(site: Site) -> None:
    job = site.submit(f"{BELL}\r\n// ü")

    answer = await site.client.get(f"/api/v1/job/{job.id}/circuit")

    assert answer.content == f"{BELL}\r\n// ü".encode()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_binary_circuit_comes_back_as_bytes_and_is_no_text_in_lists(site: Site) -> None:
    request = JobRequest(RunRequest("aer", frozenset({ResultType.COUNTS})))
    job = store(site.database, request, b"QISKIT\x0d\xff", CircuitFormat.QPY)

    answer = await site.client.get(f"/api/v1/job/{job.id}/circuit")

    assert answer.content == b"QISKIT\x0d\xff"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (await site.client.get(f"/api/v1/job/{job.id}")).json()["qasm"] == ""


async def test_full_results_name_every_kind_and_every_pub(site: Site) -> None:
    job = site.submit()
    first = PubResult(run=replace(RUN, reason=',"counts":{"0":1}'), expval=(0.5,), expval_standard_errors=(0.1,))
    second = PubResult(run=RUN, counts={"0": 3}, quasi_dist={"0": 1.0})
    site.finish(job, first, second)

    answer = await site.client.get(f"/api/v1/job/{job.id}/results")

    told = answer.json()["results"]
    assert answer.headers["content-type"] == "application/json"
    assert [set(result) for result in told] == [{field.name for field in fields(schemas.PubResult)}] * 2
    kinds = ("counts", "quasi_dist", "expval", "expval_standard_errors", "probabilities", "arrays")
    assert [told[0][kind] for kind in kinds] == [None, None, [0.5], [0.1], None, []]
    assert [told[1][kind] for kind in kinds] == [{"0": 3}, {"0": 1.0}, None, None, None, []]
    assert told[0]["run"] == json.loads(encode(first.run))


async def test_full_results_hold_what_it_takes_to_repeat_the_run(site: Site) -> None:
    job = site.submit()
    state = np.array([1, 1j, 0, 0], dtype=np.complex128)
    array = Array("statevector", "complex128", (4,), state.tobytes())
    site.finish(job, PubResult(run=RUN, probabilities={"00": 1.0}, arrays=(array,)))

    body = (await site.client.get(f"/api/v1/job/{job.id}/results")).json()

    (result,) = body["results"]
    assert (body["document"], body["version"], body["job_id"]) == ("qserver.result", 1, str(job.id))
    assert (result["counts"], result["probabilities"]) == (None, {"00": 1.0})
    assert (result["run"]["method"], result["run"]["seconds"]["queued"]) == ("statevector", 0.5)
    packed = result["arrays"][0]
    data = np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"]).reshape(packed["shape"])
    assert np.array_equal(data, state)


async def test_a_copied_result_names_the_job_that_was_run(site: Site) -> None:
    first, job = site.submit(), site.submit()
    site.finish(first)
    site.finish(job, replace(RESULT, run=replace(RUN, cached_from=first.id)))

    bodies = [(await site.client.get(f"/api/v1/job/{each.id}/results")).json() for each in (first, job)]

    assert [body["results"][0]["run"]["cached_from"] for body in bodies] == [None, str(first.id)]


async def test_a_limit_that_is_reached_is_named_with_its_value_and_when_to_come_back(site: Site) -> None:
    limit = ReachedLimit("max_pending_jobs_per_user", 3, 17)
    site.jobs_server.failure = QuotaExceeded("you have 3 jobs that wait", limit=limit)

    answer = await site.client.post("/api/v1/jobs", json=JOB)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")
    assert answer.json()["limit"] == {"name": "max_pending_jobs_per_user", "value": 3, "retry_after_seconds": 17}
    assert answer.json()["reason"] == "QUOTA_EXCEEDED"
