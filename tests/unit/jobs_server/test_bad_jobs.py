"""What bad jobs get: a status, a reason and a sentence that names the thing and the limit; and nothing is stored."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import aio

from qserver.json_types import JsonValue
from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN_BACKEND, worker
from tests.unit.jobs_server.served import Served, assert_nothing_is_stored, spec_of, submission, trailing

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
