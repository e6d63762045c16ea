"""A call of many submissions, unfolded part by part."""

from collections.abc import Sequence

import pytest

from jobs_server import sent_batch
from jobs_server.sent_batch import PART_BYTES, SentBatch
from qserver.errors import InvalidRequest, TooLarge
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings

LIMITS = LimitSettings(max_jobs_per_call=400)


def a_submission(number: int, spec_bytes: int, source: bytes = b"") -> jobs_pb2.JobSubmission:
    spec = jobs_pb2.JobSpec(request_id=f"{number} ", noise_model=b"x" * spec_bytes)
    return jobs_pb2.JobSubmission(spec=spec, source=source)


def a_call(submissions: Sequence[jobs_pb2.JobSubmission], noise_models: Sequence[bytes] = ()) -> bytes:
    return jobs_pb2.SubmitJobsRequest(submissions=submissions, noise_models=noise_models).SerializeToString()


def unfolded(batch: SentBatch) -> list[list[jobs_pb2.JobSubmission]]:
    return [
        list(part.submissions) if isinstance(part, jobs_pb2.SubmitJobsRequest) else pytest.fail("refused")
        for part in batch.parts()
    ]


def test_a_small_call_is_one_part() -> None:
    submissions = [a_submission(number, 100) for number in range(5)]

    batch = SentBatch(a_call(submissions, [b"model"]), LIMITS)

    assert unfolded(batch) == [submissions]
    assert list(batch.noise_models) == [b"model"]


def test_a_large_call_is_unfolded_in_parts_whose_specs_are_small() -> None:
    submissions = [a_submission(number, 60_000) for number in range(20)]

    batch = SentBatch(a_call(submissions, [b"model"]), LIMITS)

    parts = unfolded(batch)
    assert [each for part in parts for each in part] == submissions
    assert len(parts) == 5
    assert all(sum(each.spec.ByteSize() for each in part) <= PART_BYTES for part in parts)
    assert list(batch.noise_models) == [b"model"]


def test_circuits_part_no_call() -> None:
    submissions = [a_submission(number, 10, source=b"x" * 100_000) for number in range(20)]

    assert unfolded(SentBatch(a_call(submissions), LIMITS)) == [submissions]


def test_a_submission_that_is_larger_than_a_part_stands_alone() -> None:
    submissions = [a_submission(0, 10), a_submission(1, PART_BYTES), a_submission(2, 10)]

    assert [len(part) for part in unfolded(SentBatch(a_call(submissions), LIMITS))] == [1, 1, 1]


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (b"\x0a\x00" * 401, "401 submissions; the limit is 400 a call (QSERVER_MAX_JOBS_PER_CALL)"),
        (b"\x0a\x00" * 16_000_000, "more than 400 submissions; that is the limit a call (QSERVER_MAX_JOBS_PER_CALL)"),
        (a_call([a_submission(0, 10)], [b"x" * PART_BYTES, b""]), "2 noise models; there are fewer submissions"),
        (b"\x12\x00" * 1_000_000, "beside submissions"),
        (b"\x18\x00" * 1_000_000, "beside submissions"),
        (a_call([]), "no submissions were sent"),
        (a_call([], [b"x" * PART_BYTES]), "no submissions were sent"),
        (a_call([a_submission(0, PART_BYTES)])[:-1], "the message can't be read"),
        (b"\xff" * (PART_BYTES + 1), "the message can't be read"),
        (b"\x0b" * (PART_BYTES + 1), "the message can't be read"),
        (b"\xff\xff", "the message can't be read"),
    ],
)
def test_a_call_that_is_none_is_refused_before_it_is_unfolded(message: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        SentBatch(message, LIMITS)

    assert sentence in refused.value.message


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (jobs_pb2.JobSpec(result_types=[jobs_pb2.RESULT_TYPE_COUNTS] * 300_000), "more than 6 result types"),
        (jobs_pb2.JobSpec(observables=[jobs_pb2.Observable()] * 200_000), "more than 1,000 observables"),
        (
            jobs_pb2.JobSpec(observables=[jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm()] * 200_000)]),
            "more than 10,000 Pauli terms",
        ),
    ],
)
def test_a_spec_of_too_much_is_refused_unread_and_alone(
    spec: jobs_pb2.JobSpec, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submissions = [a_submission(0, 10), jobs_pb2.JobSubmission(spec=spec), a_submission(2, 10)]
    batch = SentBatch(a_call(submissions), LIMITS)
    parse, read = sent_batch._parsed, 0

    def counted(message: bytes) -> jobs_pb2.SubmitJobsRequest:
        nonlocal read
        read += 1
        return parse(message)

    monkeypatch.setattr(sent_batch, "_parsed", counted)

    first, refused, last = batch.parts()

    assert isinstance(first, jobs_pb2.SubmitJobsRequest)
    assert isinstance(last, jobs_pb2.SubmitJobsRequest)
    assert read == 2
    assert not isinstance(refused, jobs_pb2.SubmitJobsRequest)
    (error,) = refused
    assert sentence in str(error)


def test_metadata_past_all_limits_is_refused_unread() -> None:
    spec = jobs_pb2.JobSpec()
    spec.metadata.update({"a": "x" * 400_000})

    (refused,) = SentBatch(a_call([jobs_pb2.JobSubmission(spec=spec)]), LIMITS).parts()

    assert not isinstance(refused, jobs_pb2.SubmitJobsRequest)
    assert isinstance(refused[0], TooLarge)
    assert "metadata is far more than 65,536 bytes" in refused[0].message
