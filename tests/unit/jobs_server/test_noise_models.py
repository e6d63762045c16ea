"""Noise models that come with submissions: taken out of the options, checked and stored once, and referred to."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import uuid4

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from grpc import aio

from qserver.json_types import JsonObject, JsonValue
from qserver.noise_models import NoiseModel
from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import BELL, CountingDatabase
from tests.unit.jobs_server.served import SETTINGS, Served, spec_of, stream, trailing
from tests.unit.jobs_server.test_v1 import refused

READOUT: JsonObject = {
    "type": "roerror",
    "operations": ["measure"],
    "probabilities": [[0.5, 0.5], [0, 1]],
    "gate_qubits": [[0]],
}
MODEL: JsonObject = {"errors": [READOUT] * 40}
OTHER: JsonObject = {"errors": [READOUT] * 41}
TEXT = json.dumps(MODEL).encode()
SHA256 = NoiseModel.of(MODEL).sha256.hex()
LIMITS = SETTINGS.limits.model_copy(update={"max_noise_model_bytes": 10_000, "max_metadata_bytes": 64 * 1024})


def inline(model: JsonValue, **fields: object) -> jobs_pb2.JobSpec:
    """Give a spec with the model among its options, as clients always could."""
    spec = spec_of(**fields)
    spec.options.update({"noise_model": model})
    return spec


def noise_of(job: jobs_pb2.Job) -> dict[str, object]:
    options: dict[str, dict[str, object]] = MessageToDict(job.spec.options)
    return options["noise_model"]


async def read_back(served: Served, job_id: str) -> bytes:
    request = jobs_pb2.GetNoiseModelRequest(id=job_id)
    return b"".join([message.chunk async for message in served.v1.GetNoiseModel(request)])


def jobs_of(answer: jobs_pb2.SubmitJobsResponse) -> list[jobs_pb2.Job]:
    assert [each.error.message for each in answer.answers] == [""] * len(answer.answers)
    return [each.job for each in answer.answers]


@pytest.fixture
async def limited(database: CountingDatabase) -> AsyncIterator[Served]:
    """A server that takes noise models of 10,000 bytes."""
    served = Served(database, settings=SETTINGS.model_copy(update={"limits": LIMITS}))
    await served.start()
    yield served
    await served.stop()


async def test_a_large_model_in_the_options_is_stored_beside_and_named_by_its_hash(served: Served) -> None:
    job = await served.submit(inline(MODEL))

    listed = (await served.v1.ListJobs(jobs_pb2.ListJobsRequest())).jobs
    assert noise_of(job) == {
        "sha256": SHA256,
        "size_bytes": len(NoiseModel.of(MODEL).text),
        "description": "noise",
        "names_qubits": False,
    }
    assert listed == [job]
    assert listed[0].ByteSize() < 600


async def test_the_model_is_read_back_whole(served: Served) -> None:
    job = await served.submit(inline(MODEL))

    assert json.loads(await read_back(served, job.id)) == MODEL


async def test_a_model_sent_as_text_is_the_same_however_it_is_written(served: Served) -> None:
    errors = [{"probabilities": [[0.5, 0.5], [0.0, 1.0]], "id": str(uuid4()), **READOUT} for _ in range(40)]
    texts = [TEXT, json.dumps({"errors": errors}, indent=1).encode()]

    jobs = [await served.submit(spec_of(noise_model=text)) for text in texts]

    assert [noise_of(job)["sha256"] for job in jobs] == [SHA256] * 2
    assert [job.spec.noise_model for job in jobs] == [b"", b""]


async def test_jobs_of_a_call_share_a_model_that_is_sent_stored_and_checked_once(served: Served) -> None:
    spec = inline({"sha256": sha256(TEXT).hexdigest()})
    submissions = [jobs_pb2.JobSubmission(spec=spec, source=BELL)] * 300

    answer = await served.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=submissions, noise_models=[TEXT]))

    jobs = jobs_of(answer)
    assert {str(noise_of(job)["sha256"]) for job in jobs} == {SHA256}
    assert len(served.inspectors.checked) == 1
    assert json.loads(await read_back(served, jobs[-1].id)) == MODEL


async def test_a_model_that_is_stored_may_be_named_alone(served: Served) -> None:
    first = await served.submit(inline(MODEL))

    again = await served.submit(inline(MessageToDict(first.spec.options)["noise_model"]))

    assert again.spec.options == first.spec.options
    assert await read_back(served, again.id) == await read_back(served, first.id)


async def test_what_a_client_says_beside_the_hash_counts_for_nothing(served: Served) -> None:
    first = await served.submit(inline(MODEL))
    forged = {**noise_of(first), "names_qubits": True, "keeps_stabilizers": True, "description": "none"}

    again = await served.submit(inline(forged))  # type: ignore[arg-type]  # any JSON

    assert again.spec.options == first.spec.options


async def test_a_hash_that_names_nothing_is_refused(served: Served) -> None:
    error = await refused(served.submit(inline({"sha256": "0" * 64})))

    assert trailing(error)["qserver-reason"] == "INVALID_OPTION"
    assert "refers to the model 000" in (error.details() or "")
    assert "send the model itself" in (error.details() or "")


@pytest.mark.parametrize("reference", [{"sha256": "short"}, {"sha256": "0" * 64, "extra": 1}, {"sha256": 5}])
async def test_a_reference_of_another_form_is_refused(served: Served, reference: JsonObject) -> None:
    error = await refused(served.submit(inline(reference)))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_small_model_stays_in_the_options_however_it_is_sent(served: Served) -> None:
    small: JsonObject = {"errors": [READOUT]}

    jobs = [await served.submit(spec) for spec in (inline(small), spec_of(noise_model=json.dumps(small).encode()))]

    assert [noise_of(job) for job in jobs] == [small, small]
    assert json.loads(await read_back(served, jobs[0].id)) == small


async def test_a_model_that_came_twice_is_refused(served: Served) -> None:
    error = await refused(served.submit(inline(MODEL, noise_model=TEXT)))

    assert "came twice" in (error.details() or "")


@pytest.mark.parametrize("as_text", [True, False])
async def test_a_model_past_the_limit_is_refused_with_both_sizes(limited: Served, as_text: bool) -> None:  # noqa: FBT001 - a case
    large: JsonObject = {"errors": [{**READOUT, "operations": ["measure" * 10]}] * 80}
    spec = spec_of(noise_model=json.dumps(large).encode()) if as_text else inline(large)

    error = await refused(limited.submit(spec))

    size_bytes = len(json.dumps(large))
    assert trailing(error)["qserver-reason"] == "TOO_LARGE"
    assert error.details() == (
        f"options.noise_model is {size_bytes:,} bytes; the limit is 10,000 (QSERVER_MAX_NOISE_MODEL_BYTES)"
    )


@pytest.mark.parametrize("as_text", [True, False])
async def test_a_model_that_would_unfold_is_refused_unread(limited: Served, as_text: bool) -> None:  # noqa: FBT001 - a case
    empty: JsonObject = {"errors": [[]] * 3000}
    spec = spec_of(noise_model=json.dumps(empty, separators=(",", ":")).encode()) if as_text else inline(empty)

    error = await refused(limited.submit(spec))

    assert "holds more than 1,666 values" in (error.details() or "")


async def test_the_other_options_keep_their_own_limit(limited: Served) -> None:
    spec = inline(MODEL)
    spec.options.update({"device": "x" * 70_000})

    error = await refused(limited.submit(spec))

    assert "options is 70,0" in (error.details() or "")
    assert "QSERVER_MAX_METADATA_BYTES" in (error.details() or "")


async def test_a_model_that_the_schema_refuses_is_refused_with_its_place(served: Served) -> None:
    wrong: JsonObject = {"errors": [READOUT] * 40 + [{**READOUT, "type": "oops"}]}

    error = await refused(served.submit(inline(wrong)))

    assert trailing(error)["qserver-reason"] == "INVALID_OPTION"
    assert served.inspectors.checked == []


async def test_a_model_that_the_engine_refuses_is_refused_and_not_stored(served: Served) -> None:
    wrong: JsonObject = {"errors": [{**READOUT, "operations": ["refused"]}] * 40}

    error = await refused(served.submit(inline(wrong)))

    assert error.details() == "the engine refuses the noise model"
    assert "no (or no longer)" not in (error.details() or "")
    unknown = await refused(served.submit(inline({"sha256": NoiseModel.of(wrong).sha256.hex()})))
    assert "send the model itself" in (unknown.details() or "")


async def test_a_wrong_model_refuses_those_who_name_it_alone(served: Served) -> None:
    specs = [inline({"sha256": sha256(text).hexdigest()}) for text in (TEXT, b"no JSON")] + [spec_of()]
    submissions = [jobs_pb2.JobSubmission(spec=spec, source=BELL) for spec in specs]
    request = jobs_pb2.SubmitJobsRequest(submissions=submissions, noise_models=[TEXT, b"no JSON"])

    answers = (await served.v1.SubmitJobs(request)).answers

    assert [bool(each.job.id) for each in answers] == [True, False, True]
    assert "options.noise_model is no JSON" in answers[1].error.message


async def test_a_submission_sent_again_in_another_form_gets_the_first_job(served: Served) -> None:
    first = await served.submit(inline(MODEL, request_id="mine"))

    again = await served.submit(spec_of(noise_model=TEXT, request_id="mine"))
    other = await refused(served.submit(inline(OTHER, request_id="mine")))

    assert again == first
    assert other.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_job_of_pubs_has_one_model_for_all(served: Served) -> None:
    spec = spec_of(result_types=[jobs_pb2.RESULT_TYPE_MEMORY], noise_model=TEXT)
    pubs = [jobs_pb2.SubmitPubsRequest(pub=jobs_pb2.Pub(source=BELL, shots=10)) for _ in range(3)]

    job = (await served.v1.SubmitPubs(stream([jobs_pb2.SubmitPubsRequest(spec=spec), *pubs]))).job

    assert noise_of(job)["sha256"] == SHA256
    assert json.loads(await read_back(served, job.id)) == MODEL
    assert len(served.inspectors.checked) == 1


async def test_a_backend_without_stored_models_gets_it_in_the_options(limited: Served) -> None:
    error = await refused(limited.submit(inline(MODEL, backend="qsim")))

    assert "backend qsim simulates no noise" in (error.details() or "")


async def test_a_backend_without_stored_models_takes_what_its_options_hold(served: Served) -> None:
    error = await refused(served.submit(inline(MODEL, backend="qsim")))

    assert trailing(error)["qserver-reason"] == "TOO_LARGE"
    assert "the limit of backend qsim, which takes no stored noise models, is 1,000" in (error.details() or "")


async def test_more_models_than_jobs_are_refused(served: Served) -> None:
    request = jobs_pb2.SubmitJobsRequest(
        submissions=[jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)], noise_models=[TEXT, b"{}"]
    )

    error = await refused(served.v1.SubmitJobs(request))

    assert error.details() == "2 noise models; there are fewer submissions than that"


async def test_a_job_without_a_model_has_none_to_read(served: Served) -> None:
    job = await served.submit()

    with pytest.raises(aio.AioRpcError) as caught:
        await read_back(served, job.id)

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
