"""What is sent: the spec, a name for each circuit, and calls that are not too large."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from google.protobuf.json_format import MessageToDict

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.client.circuits import UnreadSource
from qserver.client.list_progress import FollowingProgress
from qserver.client.progress import ListingProgress, SendingProgress, WaitingProgress
from qserver.client.submissions import (
    BYTES_A_CALL,
    CHUNK_BYTES,
    JOBS_A_CALL,
    Wishes,
    batches_of,
    pieces_of,
    spec_of,
    submissions_of,
    written,
)
from qserver.errors import InvalidRequest, Overloaded, QServerError, Reason, UnknownBackend, WaitTimeout
from qserver.json_types import JsonObject, JsonValue
from qserver.rpc.v1 import jobs_pb2

NOT_FOUND = 5


def _submissions(*sizes_bytes: int) -> list[jobs_pb2.JobSubmission]:
    return submissions_of(spec_of({}), [UnreadSource(b"x" * size) for size in sizes_bytes], None, is_many=True)


def test_every_wish_is_in_the_spec() -> None:
    spec = spec_of(
        {
            "backend": "aer",
            "results": ["counts", "expval"],
            "shots": 7,
            "seed": 0,
            "precision": 0.1,
            "observables": ["ZZ"],
            "options": {"device": "CPU"},
            "metadata": {"who": ["me"]},
            "priority": -3,
            "time_limit_seconds": 2.5,
            "expires_at": datetime(2030, 1, 1, tzinfo=UTC),
            "cache": True,
        }
    )

    assert spec.result_types == [jobs_pb2.RESULT_TYPE_COUNTS, jobs_pb2.RESULT_TYPE_EXPVAL]
    assert (spec.backend, spec.shots, spec.seed, spec.precision, spec.priority) == ("aer", 7, 0, 0.1, -3)
    assert (spec.time_limit_seconds, spec.cache, spec.expires_at.seconds) == (2.5, True, 1893456000)
    assert spec.observables[0].terms[0] == jobs_pb2.PauliTerm(pauli="ZZ", coefficient=1.0)
    assert (MessageToDict(spec.options), MessageToDict(spec.metadata)) == ({"device": "CPU"}, {"who": ["me"]})


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"shoots": 3}, "no keyword 'shoots'; did you mean shots"),
        ({"frobnicate": 3}, r"no keyword 'frobnicate' \(known: backend, cache"),
        ({"shots": "5"}, "shots is '5'; it must be a whole number"),
        ({"shots": 2**70}, "shots is 1180591620717411303424; it must be a whole number below"),
        ({"seed": 1.5}, "seed is 1.5; it must be a whole number"),
        ({"priority": 2**40}, "priority is 1099511627776; it must be a whole number from -100 to 100"),
        ({"time_limit_seconds": "long"}, "time_limit_seconds is 'long'; it must be a number"),
        ({"precision": "high"}, "precision is 'high'"),
        ({"cache": "yes"}, "cache is 'yes'; it must be True or False"),
        ({"backend": 5}, "backend is 5; it must be the name"),
        ({"request_id": 5}, "request_id is 5; it must be text"),
        ({"results": 5}, "results is 5; it must be a list of counts"),
        ({"expires_at": "tomorrow"}, "expires_at is 'tomorrow'; it must be a datetime"),
    ],
)
def test_a_wish_that_can_not_be_is_refused_by_its_name(wishes: Wishes, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        spec_of(wishes)


def test_what_is_not_wished_for_is_the_servers_to_choose() -> None:
    spec = spec_of({})

    assert not any(spec.HasField(name) for name in ("shots", "seed", "precision", "time_limit_seconds", "expires_at"))
    assert spec.backend == "auto"
    assert spec.result_types == [jobs_pb2.RESULT_TYPE_COUNTS]


def test_words_that_do_not_exist_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidRequest, match="'count' is unknown; known: counts"):
        spec_of({"results": ["count"]})
    with pytest.raises(InvalidRequest, match="time zone"):
        spec_of({"expires_at": datetime(2030, 1, 1)})  # noqa: DTZ001 - that is what must be refused
    with pytest.raises(InvalidRequest, match="options must be a JSON object"):
        spec_of({"options": {"a": object()}})  # type: ignore[dict-item]


def test_each_circuit_has_a_name_of_its_own() -> None:
    sources: list[CircuitSource | UnreadSource] = [CircuitSource(CircuitFormat.QPY, b"1"), UnreadSource(b"2")]

    lone = submissions_of(spec_of({}), sources[:1], "mine", is_many=False)
    many = submissions_of(spec_of({}), sources, "mine", is_many=True)
    unnamed = submissions_of(spec_of({}), sources, None, is_many=True)

    assert [each.spec.request_id for each in lone] == ["mine"]
    assert [each.spec.request_id for each in many] == ["mine-0", "mine-1"]
    assert len({each.spec.request_id for each in (*unnamed, *many)}) == 4
    assert [each.spec.circuit_format for each in many] == [
        jobs_pb2.CIRCUIT_FORMAT_QPY,
        jobs_pb2.CIRCUIT_FORMAT_UNSPECIFIED,
    ]


def test_thousands_go_in_calls_that_the_server_takes() -> None:
    batches = list(batches_of(_submissions(*[10] * 1000)))

    assert [batch.start for batch in batches] == [0, 250, 500, 750]
    assert {len(batch.submissions) for batch in batches} == {JOBS_A_CALL}


def test_a_call_holds_no_more_than_its_bytes_and_a_large_circuit_goes_alone() -> None:
    half = BYTES_A_CALL // 2

    batches = list(batches_of(_submissions(half, half, 1, BYTES_A_CALL + 1, 1)))

    assert [len(batch.submissions) for batch in batches] == [2, 1, 1, 1]
    assert [batch.is_streamed for batch in batches] == [False, False, True, False]


def test_a_large_circuit_arrives_whole() -> None:
    submission = _submissions(CHUNK_BYTES * 2 + 1)[0]

    spec, *pieces = pieces_of(submission)

    assert spec.spec == submission.spec
    assert b"".join(piece.chunk for piece in pieces) == submission.source
    assert max(len(piece.chunk) for piece in pieces) == CHUNK_BYTES


def _job(job_id: str) -> jobs_pb2.SubmissionAnswer:
    return jobs_pb2.SubmissionAnswer(job=jobs_pb2.Job(id=job_id))


def _error(reason: Reason, code: int = 8) -> jobs_pb2.SubmissionAnswer:
    return jobs_pb2.SubmissionAnswer(error=jobs_pb2.ErrorDetail(code=code, reason=reason, message="why"))


def test_only_what_the_server_had_no_room_for_is_sent_again() -> None:
    submissions = _submissions(1, 1, 1)
    progress = SendingProgress(next(batches_of(submissions)))

    progress.hear([_job("a"), _error(Reason.OVERLOADED), _error(Reason.UNKNOWN_BACKEND, 3)])
    again = progress.request().submissions
    progress.hear([_job("b")])

    assert list(again) == [submissions[1]]
    assert progress.is_done()
    first, second, third = progress.answers()
    assert (getattr(first, "id", None), getattr(second, "id", None), type(third)) == ("a", "b", UnknownBackend)


def test_what_nobody_has_room_for_is_refused_in_its_place() -> None:
    progress = SendingProgress(next(batches_of(_submissions(1, 1))))

    progress.hear([_error(Reason.OVERLOADED), _job("b")])
    progress.give_up()

    first, second = progress.answers()
    assert isinstance(first, Overloaded)
    assert getattr(second, "id", None) == "b"


def test_only_missing_results_are_asked_for_again() -> None:
    progress = WaitingProgress(["a", "b", "c"])
    progress.request()
    message = jobs_pb2.GetResultsResponse(
        results=[
            jobs_pb2.JobResult(id="b", result=jobs_pb2.GetResultResponse()),
            jobs_pb2.JobResult(id="c", error=jobs_pb2.ErrorDetail(code=NOT_FOUND, reason="WORKER_LOST", message="why")),
        ]
    )

    first = dict(progress.hear(message))
    repeated = dict(progress.hear(message))

    assert first["b"] == ()
    assert getattr(first["c"], "job_id", None) == "c"
    assert repeated == {}
    assert list(progress.request().ids) == ["a"]
    assert not progress.is_done()


def test_a_server_that_leaves_a_job_out_is_not_asked_forever() -> None:
    progress = WaitingProgress(["a"])
    progress.request()

    with pytest.raises(QServerError, match="left out 1 jobs, a among them"):
        progress.check_end()


def test_who_waits_too_long_is_told_for_what() -> None:
    error = WaitingProgress(["a", "b"]).timeout()

    assert isinstance(error, WaitTimeout)
    assert isinstance(error, TimeoutError)
    assert "job a and 1 others are not over yet" in str(error)
    assert error.job_id == "a"


def test_one_status_may_be_named_alone_and_an_unknown_one_is_refused() -> None:
    assert ListingProgress("running", 5).request().statuses == [jobs_pb2.JOB_STATUS_RUNNING]

    with pytest.raises(InvalidRequest, match="status 'bogus' is unknown; known: pending, running"):
        ListingProgress(["bogus"], 5)
    with pytest.raises(InvalidRequest, match="status 'bogus' is unknown; known: pending, running"):
        FollowingProgress(["bogus"], 5)


NOISE: JsonObject = {"errors": [{"type": "roerror", "probabilities": [[0.9, 0.1], [0.2, 0.8]]}] * 100}


def test_a_large_noise_model_is_sent_once_a_call_and_named_by_each_submission() -> None:
    submissions, text = written(["OPENQASM 2.0;"] * 600, {"options": {"noise_model": NOISE}}, is_many=True)

    batches = list(batches_of(submissions, text))

    request = SendingProgress(batches[0]).request()
    name = {"noise_model": {"sha256": sha256(text).hexdigest()}}
    assert len(batches) == 3
    assert [json.loads(model) for model in request.noise_models] == [NOISE]
    assert {str(MessageToDict(each.spec.options)) for each in request.submissions} == {str(name)}


def test_a_circuit_that_is_streamed_brings_its_noise_model_along() -> None:
    source = "OPENQASM 2.0;" + " " * BYTES_A_CALL
    submissions, text = written([source], {"options": {"noise_model": NOISE, "device": "CPU"}}, is_many=False)
    (batch,) = batches_of(submissions, text)

    spec = next(pieces_of(batch.submissions[0], batch.noise_model)).spec

    assert batch.is_streamed
    assert json.loads(spec.noise_model) == NOISE
    assert MessageToDict(spec.options) == {"device": "CPU"}
    assert spec.request_id == submissions[0].spec.request_id


@pytest.mark.parametrize("options", [None, {}, {"noise_model": {"name": "readout"}}, {"noise_model": None}])
def test_small_noise_stays_in_the_options(options: dict[str, JsonValue] | None) -> None:
    submissions, text = written(["OPENQASM 2.0;"], {"options": options}, is_many=False)

    assert text == b""
    assert MessageToDict(submissions[0].spec.options) == (options or {})
