"""What bad input gets: a status, a reason and a sentence that names the thing and the limit; and nothing is stored."""

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import grpc
import pytest
import structlog
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from qserver.json_types import JsonValue
from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN_BACKEND, worker
from tests.unit.jobs_server.served import Served, properties_of, spec_of, stream, submission, trailing

INVALID = grpc.StatusCode.INVALID_ARGUMENT
QASM2 = b'OPENQASM 2.0; include "qelib1.inc"; '
QASM3 = b'OPENQASM 3.0; include "stdgates.inc"; '
EXPVAL = [jobs_pb2.RESULT_TYPE_EXPVAL]


def struct(**values: JsonValue) -> Struct:
    made = Struct()
    made.update(values)
    return made


def observables(*paulis: str, coefficient: float = 1.0) -> list[jobs_pb2.Observable]:
    terms = [jobs_pb2.PauliTerm(pauli=pauli, coefficient=coefficient) for pauli in paulis]
    return [jobs_pb2.Observable(terms=terms)]


@dataclass(frozen=True, slots=True)
class Bad:
    """A job that must be refused, and what must be said."""

    sentence: str
    spec: jobs_pb2.JobSpec = field(default_factory=spec_of)
    source: bytes = BELL
    reason: str = "INVALID_REQUEST"


BAD_JOBS = {
    # The circuit.
    "empty": Bad("circuit is empty", source=b"", reason="INVALID_CIRCUIT"),
    "blank": Bad("circuit is empty", source=b" \n", reason="INVALID_CIRCUIT"),
    "too large": Bad(
        "10,001 bytes; the limit is 10,000 (QSERVER_MAX_CIRCUIT_BYTES)", source=b"x" * 10_001, reason="TOO_LARGE"
    ),
    "no UTF-8": Bad("circuit is no UTF-8: byte 14 is 0xff", source=QASM2[:14] + b"\xff", reason="INVALID_CIRCUIT"),
    "no circuit": Bad("must begin with 'OPENQASM 2.0;'", source=b"hello", reason="INVALID_CIRCUIT"),
    "format mismatch": Bad(
        "circuit_format says openqasm3, but the source is openqasm2",
        spec_of(circuit_format=jobs_pb2.CIRCUIT_FORMAT_OPENQASM3),
        reason="INVALID_CIRCUIT",
    ),
    "unknown format": Bad("circuit_format 9 is unknown", spec_of(circuit_format=9)),
    "unknown gate": Bad("hh", source=BELL.replace(b"h q", b"hh q"), reason="INVALID_CIRCUIT"),
    "foreign include": Bad(
        "include", source=b'OPENQASM 2.0; include "/etc/passwd"; qreg q[1];', reason="INVALID_CIRCUIT"
    ),
    "broken QPY": Bad("QPY", source=b"QISKIT\x0d" + b"\xff" * 40, reason="INVALID_CIRCUIT"),
    "unmeasured": Bad("measure", source=QASM3 + b"qubit q; h q;", reason="UNSUPPORTED_RESULT_TYPE"),
    "unbound": Bad(
        "theta",
        source=QASM3 + b"input float theta; qubit q; bit c; rx(theta) q; c = measure q;",
        reason="INVALID_CIRCUIT",
    ),
    # The spec.
    "no backend": Bad("no backend is named", spec_of(backend="")),
    "unknown backend": Bad(
        "backend 'aerr' is unknown; did you mean 'aer'? (registered: aer, ",
        spec_of(backend="aerr"),
        reason="UNKNOWN_BACKEND",
    ),
    "backend with NUL": Bad("printable characters", spec_of(backend="a\0")),
    "no result type": Bad("no result type is asked for", spec_of(result_types=[])),
    "unspecified result type": Bad("result type 0 is unknown or unspecified", spec_of(result_types=[0])),
    "unknown result type": Bad("result type 77 is unknown", spec_of(result_types=[77])),
    "result type of another backend": Bad(
        "backend aer_stabilizer gives no statevector; it gives: counts, ",
        spec_of(backend="aer_stabilizer", result_types=[jobs_pb2.RESULT_TYPE_STATEVECTOR]),
        reason="UNSUPPORTED_RESULT_TYPE",
    ),
    "no shots": Bad("shots is 0; it must be at least 1", spec_of(shots=0)),
    "a billion shots": Bad(
        "shots is 1,000,000,000; the limit is 10,000,000 (QSERVER_MAX_SHOTS)", spec_of(shots=10**9), reason="TOO_LARGE"
    ),
    "negative seed": Bad("seed is -1; it must be from 0 to 2^63 - 1", spec_of(seed=-1)),
    "no precision": Bad("precision is 0.0", spec_of(precision=0.0)),
    "precision that is no number": Bad("precision is nan", spec_of(precision=float("nan"))),
    "expval without observables": Bad(
        "expval is asked for without observables", spec_of(result_types=EXPVAL), reason="INVALID_OBSERVABLE"
    ),
    "observable of the wrong width": Bad(
        "3", spec_of(result_types=EXPVAL, observables=observables("ZZZ")), reason="INVALID_OBSERVABLE"
    ),
    "observable of wrong letters": Bad(
        "Pauli string 'ZQ'; its letters must be I, X, Y or Z",
        spec_of(result_types=EXPVAL, observables=observables("ZQ")),
        reason="INVALID_OBSERVABLE",
    ),
    "endless coefficient": Bad(
        "coefficient inf; it must be finite",
        spec_of(result_types=EXPVAL, observables=observables("ZZ", coefficient=float("inf"))),
        reason="INVALID_OBSERVABLE",
    ),
    "priority": Bad("priority is 101; it must be from -100 to 100", spec_of(priority=101)),
    "no time": Bad("time_limit_seconds is 0.0", spec_of(time_limit_seconds=0.0)),
    "too much time": Bad(
        "time_limit_seconds is 100,000.0; the limit is 86,400.0", spec_of(time_limit_seconds=1e5), reason="TOO_LARGE"
    ),
    "expired": Bad("expires_at is 2020-01-01", spec_of(expires_at=datetime(2020, 1, 1, tzinfo=UTC))),
    "no moment": Bad("expires_at is no time", spec_of(expires_at=Timestamp(seconds=2**60))),
    "long request_id": Bad(
        "request_id has 129 characters; the limit is 128", spec_of(request_id="x" * 129), reason="TOO_LARGE"
    ),
    "unprintable request_id": Bad("request_id must be printable characters", spec_of(request_id="a\nb")),
    "unknown option": Bad(
        "no option 'float_precison'; did you mean 'float_precision'?",
        spec_of(options=struct(float_precison="single")),
        reason="INVALID_OPTION",
    ),
    "wrong option": Bad(
        'option \'float_precision\' is "half"; allowed: "double", "single"',
        spec_of(options=struct(float_precision="half")),
        reason="INVALID_OPTION",
    ),
    "option that is no number": Bad("options.x is no finite number", spec_of(options=struct(x=float("nan")))),
    "large options": Bad(
        "options is 1,010 bytes; the limit is 1,000", spec_of(options=struct(xx="x" * 1000)), reason="TOO_LARGE"
    ),
    "large metadata": Bad(
        "metadata is 1,010 bytes; the limit is 1,000 (QSERVER_MAX_METADATA_BYTES)",
        spec_of(metadata=struct(xx="x" * 1000)),
        reason="TOO_LARGE",
    ),
    "metadata with NUL": Bad("metadata.x holds a NUL character", spec_of(metadata=struct(x="\0"))),
    "GPU that nobody has": Bad(
        "GPU", spec_of(backend="aer_statevector", options=struct(device="GPU")), reason="DEVICE_UNAVAILABLE"
    ),
    "too much memory": Bad(
        "60 qubits",
        spec_of(backend="aer_statevector"),
        QASM3 + b"qubit[60] q; bit[60] c; h q; rx(0.1) q; c = measure q;",
        reason="TOO_MUCH_MEMORY",
    ),
    # A file plugin's backend.
    "QPY for a file plugin": Bad(
        "takes text, and circuit_format says qpy",
        spec_of(backend=FILE_PLUGIN_BACKEND, circuit_format=jobs_pb2.CIRCUIT_FORMAT_QPY),
        reason="INVALID_CIRCUIT",
    ),
    "no UTF-8 for a file plugin": Bad(
        "circuit is no UTF-8", spec_of(backend=FILE_PLUGIN_BACKEND), b"\xff", reason="INVALID_CIRCUIT"
    ),
    "a word that a file plugin doesn't know": Bad(
        "seed can't be given", spec_of(backend=FILE_PLUGIN_BACKEND, seed=1), reason="INVALID_OPTION"
    ),
}


def add_worker(served: Served) -> None:
    """Have a worker of 8 GiB, so that there is a limit of memory."""
    with served.database.transaction() as transaction:
        transaction.workers.register(worker())


@pytest.mark.parametrize("bad", [pytest.param(bad, id=name) for name, bad in BAD_JOBS.items()])
async def test_a_bad_job_is_refused_by_both_calls_and_leaves_nothing(real: Served, bad: Bad) -> None:
    add_worker(real)

    with pytest.raises(aio.AioRpcError) as caught:
        await real.v1.SubmitJob(submission(bad.spec, bad.source, piece_bytes=1000))
    batch = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=bad.spec, source=bad.source)])
    (answer,) = (await real.v1.SubmitJobs(batch)).answers

    assert caught.value.code() is INVALID
    assert trailing(caught.value)["qserver-reason"] == bad.reason
    assert bad.sentence in (caught.value.details() or "")
    assert (answer.error.code, answer.error.reason) == (INVALID.value[0], bad.reason)
    assert bad.sentence in answer.error.message
    assert_nothing_is_stored(real)


async def test_the_place_of_a_fault_travels_along(real: Served) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await real.submit(source=BELL.replace(b"h q", b"hh q"))

    carried = trailing(caught.value)
    assert (carried["qserver-reason"], carried["qserver-line"]) == ("INVALID_CIRCUIT", "5")
    assert int(carried["qserver-column"]) >= 1


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


NO_UTF8 = b"OPENQASM 2.0; // \xff"
BROKEN_MESSAGES: dict[str, tuple[str, bytes, str]] = {
    "a circuit that is no UTF-8": ("/Jobs/AddJob", b"\x12" + bytes([len(NO_UTF8)]) + NO_UTF8, "JobData.*UTF-8"),
    "no message of the original": ("/Jobs/AddJob", b"\xff\xff", "JobData"),
    "no message of ours": ("/qserver.v1.JobService/SubmitJob", b"\xff\xff", "SubmitJobRequest"),
    "no call of many": ("/qserver.v1.JobService/SubmitJobs", b"\xff\xff", "SubmitJobsRequest"),
    "an id that is no UTF-8": ("/qserver.v1.JobService/GetJob", b"\x0a\x01\xff", "GetJobRequest.*UTF-8"),
}


@pytest.mark.parametrize(
    ("method", "message", "sentence"), [pytest.param(*broken, id=name) for name, broken in BROKEN_MESSAGES.items()]
)
async def test_a_message_that_cannot_be_read_is_its_senders_fault(
    served: Served, method: str, message: bytes, sentence: str
) -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(aio.AioRpcError) as caught:
        await raw_call(served, method, message)

    assert caught.value.code() is INVALID
    assert trailing(caught.value)["qserver-reason"] == "INVALID_REQUEST"
    assert re.search(f"the message can't be read: .*{sentence}", caught.value.details() or "")
    assert logs == []
    assert_nothing_is_stored(served)


async def test_a_watch_of_what_is_no_id_is_its_senders_fault(served: Served) -> None:
    watch = cast(
        "Callable[[bytes], AsyncIterable[object]]", served.channel.unary_stream("/qserver.v1.JobService/WatchJob")
    )

    with pytest.raises(aio.AioRpcError) as caught:
        await anext(aiter(watch(b"\x0a\x01\xff")))

    assert caught.value.code() is INVALID


FOREIGN = "x"
NO_STATUS = jobs_pb2.JOB_STATUS_UNSPECIFIED
BAD_QUESTIONS: dict[str, tuple[Callable[[Served], Awaitable[object]], str]] = {
    "job id": (lambda on: on.v1.GetJob(jobs_pb2.GetJobRequest(id="x")), "job id 'x' is no UUID"),
    "job id without dashes": (lambda on: on.v1.CancelJob(jobs_pb2.CancelJobRequest(id="0" * 32)), "is no UUID"),
    "id to delete": (lambda on: on.v1.DeleteJob(jobs_pb2.DeleteJobRequest()), "job id '' is no UUID"),
    "id of a result": (lambda on: on.v1.GetResult(jobs_pb2.GetResultRequest(id="x")), "is no UUID"),
    "page size": (lambda on: on.v1.ListJobs(jobs_pb2.ListJobsRequest(page_size=501)), "from 1 to 500"),
    "page token": (lambda on: on.v1.ListJobs(jobs_pb2.ListJobsRequest(page_token=FOREIGN)), "none of ours"),
    "status": (lambda on: on.v1.ListJobs(jobs_pb2.ListJobsRequest(statuses=[NO_STATUS])), "status 0 is unknown"),
    "no submissions": (lambda on: on.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest()), "no submissions were sent"),
    "too many submissions": (
        lambda on: on.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission()] * 401)),
        "401 submissions; the limit is 400 a call (QSERVER_MAX_JOBS_PER_CALL)",
    ),
}


@pytest.mark.parametrize(("ask", "sentence"), [pytest.param(*bad, id=name) for name, bad in BAD_QUESTIONS.items()])
async def test_a_bad_question_is_refused(
    served: Served, ask: Callable[[Served], Awaitable[object]], sentence: str
) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await ask(served)

    assert caught.value.code() is INVALID
    assert sentence in (caught.value.details() or "")


async def test_a_bad_watch_is_refused(served: Served) -> None:
    for request, sentence in (
        (jobs_pb2.WatchJobRequest(id="x"), "is no UUID"),
        (
            jobs_pb2.WatchJobRequest(id="00000000-0000-4000-8000-000000000001", after_sequence=-1),
            "after_sequence is -1",
        ),
    ):
        with pytest.raises(aio.AioRpcError) as caught:
            await anext(aiter(served.v1.WatchJob(request)))
        assert caught.value.code() is INVALID
        assert sentence in (caught.value.details() or "")


async def raw_call(served: Served, method: str, message: bytes) -> object:
    """Send bytes as the first message of a call, whatever they are."""
    is_upload = method.endswith(("AddJob", "SubmitJob"))
    make = served.channel.stream_unary if is_upload else served.channel.unary_unary
    call = cast("Callable[..., Awaitable[object]]", make(method))
    return await call(stream([message]) if is_upload else message)


def assert_nothing_is_stored(served: Served) -> None:
    assert served.database.stored_jobs() == 0
    assert served.database.stored_circuits() == 0
