"""What bad uploads of the original's clients get: a status, a reason and a sentence; and nothing is stored."""

from collections.abc import Sequence

import grpc
import pytest
from grpc import aio

from qserver.rpc.original import jobs_pb2 as original_pb2
from tests.unit.jobs_server.builders import BELL
from tests.unit.jobs_server.served import Served, assert_nothing_is_stored, properties_of, stream, trailing

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PIECE = original_pb2.JobData(qasmChunk=BELL.decode())

BAD_UPLOADS: dict[str, tuple[Sequence[original_pb2.JobData], str, str]] = {
    "nothing": ([], "nothing was sent; the first message carries properties", "INVALID_REQUEST"),
    "a piece first": ([PIECE, properties_of()], "a piece of the circuit came first", "INVALID_REQUEST"),
    "properties twice": ([properties_of(), properties_of(), PIECE], "properties came twice", "INVALID_REQUEST"),
    "an empty message": ([properties_of(), original_pb2.JobData()], "a message was empty", "INVALID_REQUEST"),
    "no piece": ([properties_of()], "circuit is empty", "INVALID_CIRCUIT"),
    "no result type": ([properties_of(resultTypeCounts=False), PIECE], "no result type", "INVALID_REQUEST"),
    "no simulator": ([properties_of(targetSimulator=""), PIECE], "no backend is named", "INVALID_REQUEST"),
    "unknown simulator": ([properties_of(targetSimulator="x"), PIECE], "backend 'x' is unknown", "UNKNOWN_BACKEND"),
    "empty metadata": ([properties_of(""), PIECE], "metadata is empty", "INVALID_REQUEST"),
    "no JSON": ([properties_of("{"), PIECE], "metadata is no JSON", "INVALID_REQUEST"),
    "no object": ([properties_of("[]"), PIECE], "metadata must be a JSON object", "INVALID_REQUEST"),
    "shots as text": (
        [properties_of({"shots": "5"}), PIECE],
        "metadata.shots must be a whole number",
        "INVALID_REQUEST",
    ),
    "shots as boolean": ([properties_of({"shots": True}), PIECE], "metadata.shots must be", "INVALID_REQUEST"),
    "no shots": ([properties_of({"shots": 0}), PIECE], "shots is 0", "INVALID_REQUEST"),
    "too many shots": ([properties_of({"shots": 10**9}), PIECE], "the limit is 10,000,000", "TOO_LARGE"),
    "no observables": ([properties_of(resultTypeExpVal=True), PIECE], "without observables", "INVALID_OBSERVABLE"),
    "observables as text": (
        [properties_of({"obs": "ZZ"}, resultTypeExpVal=True), PIECE],
        "metadata.obs must be a list of observables",
        "INVALID_OBSERVABLE",
    ),
    "observable as text": (
        [properties_of({"obs": ["ZZ"]}, resultTypeExpVal=True), PIECE],
        "metadata.obs[0] must be a list of [Pauli string, coefficient] pairs",
        "INVALID_OBSERVABLE",
    ),
    "term of three": (
        [properties_of({"obs": [[["ZZ", 1, 2]]]}, resultTypeExpVal=True), PIECE],
        "metadata.obs[0][0] must be a pair",
        "INVALID_OBSERVABLE",
    ),
    "observable of the wrong width": (
        [properties_of({"obs": [[["ZZZ", 1]]]}, resultTypeExpVal=True), PIECE],
        "3",
        "INVALID_OBSERVABLE",
    ),
    "too large": (
        [properties_of(), *[original_pb2.JobData(qasmChunk="x" * 5000)] * 3],
        "15,000 bytes; the limit is 10,000",
        "TOO_LARGE",
    ),
}


@pytest.mark.parametrize(
    ("messages", "sentence", "reason"), [pytest.param(*bad, id=name) for name, bad in BAD_UPLOADS.items()]
)
async def test_a_bad_upload_of_an_original_client_is_refused_and_leaves_nothing(
    real: Served, messages: Sequence[original_pb2.JobData], sentence: str, reason: str
) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await real.original.AddJob(stream(messages))

    assert caught.value.code() is INVALID
    assert trailing(caught.value)["qserver-reason"] == reason
    assert sentence in (caught.value.details() or "")
    assert_nothing_is_stored(real)
