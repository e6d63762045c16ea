"""Uploads that are too large, in too many pieces, cut off, or that say they are something else."""

from collections.abc import Iterator

import grpc
import httpx
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.bad_input.condition import assert_they_answer, unharmed
from tests.acceptance.bad_input.trials import BELL
from tests.acceptance.deployment import Deployment
from tests.tried import tried

KIND = "Uploads"
HUNDRED_MEGABYTES = 100_000_000
MILLION = 1_000_000
SPEC = jobs_pb2.JobSpec(backend="nobody's", result_types=[jobs_pb2.RESULT_TYPE_COUNTS])


def upload(deployment: Deployment, pieces: Iterator[bytes], compression: grpc.Compression | None = None) -> str:
    """Stream pieces to SubmitJob; gives the status and sentence of the refusal."""

    def messages() -> Iterator[jobs_pb2.SubmitJobRequest]:
        yield jobs_pb2.SubmitJobRequest(spec=SPEC)
        yield from (jobs_pb2.SubmitJobRequest(chunk=piece) for piece in pieces)

    with grpc.insecure_channel(deployment.grpc_address) as channel, pytest.raises(grpc.RpcError) as refused:
        jobs_pb2_grpc.JobServiceStub(channel).SubmitJob(messages(), timeout=300, compression=compression)
    return f"{refused.value.code().name}: {refused.value.details()}"


@tried(KIND, "100 MB", door="SubmitJob", answer="INVALID_ARGUMENT `the limit is 8,388,608` after 8 MiB of them")
def test_a_hundred_megabytes_over_grpc_are_cut_short(deployment: Deployment) -> None:
    sent: list[int] = []

    def pieces() -> Iterator[bytes]:
        for _ in range(HUNDRED_MEGABYTES // 65_536):
            sent.append(65_536)
            yield b"/" * 65_536

    with unharmed(deployment):
        refusal = upload(deployment, pieces())

    assert "INVALID_ARGUMENT: circuit is 8,4" in refusal
    assert "the limit is 8,388,608 (QSERVER_MAX_CIRCUIT_BYTES)" in refusal
    assert sum(sent) < HUNDRED_MEGABYTES / 2


@tried(KIND, "100 MB", door="POST /jobs", answer="413 `the body is larger than 33,554,432 bytes`")
def test_a_hundred_megabytes_over_http_are_refused(deployment: Deployment) -> None:
    with unharmed(deployment):
        answer = httpx.post(
            f"{deployment.http_url}/api/v1/jobs",
            content=b" " * HUNDRED_MEGABYTES,
            headers={"content-type": "application/json", **deployment.headers},
            timeout=60,
        )

    assert answer.status_code == 413
    assert answer.json()["msg"] == "the body is larger than 33,554,432 bytes (QSERVER_MAX_CALL_BYTES)"


@tried(KIND, "33 MB that were compressed to 33 kB", door="gRPC", answer="RESOURCE_EXHAUSTED `larger than max`")
def test_a_message_that_unpacks_past_the_limit_is_refused(deployment: Deployment) -> None:
    with unharmed(deployment):
        refusal = upload(deployment, iter([b"/" * 40 * 1024 * 1024]), grpc.Compression.Gzip)

    assert refusal.startswith("RESOURCE_EXHAUSTED")
    assert "larger than max" in refusal


@tried(KIND, "50,000 chunks of a byte", door="SubmitJob", answer="put together, others are answered meanwhile")
def test_tiny_chunks_are_put_together_while_others_are_answered(deployment: Deployment) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(50_000):
            if number % 10_000 == 0:
                assert_they_answer(deployment)
            yield b"/"

    with unharmed(deployment):
        refusal = upload(deployment, pieces())

    assert "backend" in refusal


@tried(KIND, "an upload whose client goes away half-way", door="POST /jobs", answer="forgotten")
def test_a_body_that_breaks_off_leaves_nothing(deployment: Deployment) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"backend": "aer", "circuit": "' + BELL
        raise ConnectionError("gone")

    with unharmed(deployment), pytest.raises(ConnectionError, match="gone"):
        httpx.post(
            f"{deployment.http_url}/api/v1/jobs",
            content=pieces(),
            headers={"content-type": "application/json", **deployment.headers},
        )


@tried(KIND, "16,777,206 empty submissions in 32 MiB", door="SubmitJobs", answer="INVALID_ARGUMENT `more than 1,000`")
def test_millions_of_empty_submissions_are_refused_by_their_number(deployment: Deployment) -> None:
    with unharmed(deployment), grpc.insecure_channel(deployment.grpc_address) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/qserver.v1.JobService/SubmitJobs")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"\x0a\x00" * (16 * 1024 * 1024 - 10), timeout=60)

    assert "more than 1,000 submissions; that is the limit a call" in (refused.value.details() or "")


@tried(
    KIND, "16,776,000 empty Pauli terms in 32 MiB", door="SubmitJob", answer="INVALID_ARGUMENT `the limit is 10,000`"
)
def test_millions_of_empty_terms_are_refused_by_their_number(deployment: Deployment) -> None:
    terms = b"\x0a\x00" * 16_776_000
    observable = _field(jobs_pb2.JobSpec.OBSERVABLES_FIELD_NUMBER, terms)
    message = _field(jobs_pb2.SubmitJobRequest.SPEC_FIELD_NUMBER, SPEC.SerializeToString() + observable)
    with unharmed(deployment), grpc.insecure_channel(deployment.grpc_address) as channel:
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary("/qserver.v1.JobService/SubmitJob")
        with pytest.raises(grpc.RpcError) as refused:
            call(iter([message]), timeout=60)

    assert "observables have 16,776,000 Pauli terms; the limit is 10,000" in (refused.value.details() or "")


def _field(number: int, payload: bytes) -> bytes:
    """Write a length-delimited field of protobuf's wire format."""
    length = len(payload)
    written = bytearray([number << 3 | 2])
    while length > 0x7F:
        written.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(written) + bytes([length]) + payload
