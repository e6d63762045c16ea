"""gRPC calls through the proxy, and what they are refused with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
import pytest

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc

TIMEOUT_SECONDS = 90
CHUNK_BYTES = 16 * 1024
BELL = b'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client of gRPC is told."""

    code: grpc.StatusCode
    sentence: str
    reason: str


@contextmanager
def refused() -> Iterator[list[Refusal]]:
    """Expect the block to be refused; the refusal is in the list afterwards."""
    found: list[Refusal] = []
    with pytest.raises(grpc.RpcError) as raised:
        yield found
    call = cast("grpc.Call", raised.value)  # what a stub raises is both
    metadata = {key: str(value) for key, value in [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]}
    found.append(Refusal(call.code(), call.details() or "", metadata.get("qserver-reason", "")))


def tls_channel(address: str, certificate: Path) -> grpc.Channel:
    """Open a channel that trusts one certificate or authority."""
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate.read_bytes()))


def unary(channel: grpc.Channel, path: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """Give a method by its path alone, for messages of bytes."""
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    return method


def health(channel: grpc.Channel) -> str:
    """Ask as the original's clients do."""
    answer = original_pb2_grpc.JobsStub(channel).HealthCheck(original_pb2.HealthCheckInput(), timeout=TIMEOUT_SECONDS)
    return str(answer.status)


def upload(source: bytes) -> Iterator[jobs_pb2.SubmitJobRequest]:
    """Give the messages of one submission."""
    spec = jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=10)
    yield jobs_pb2.SubmitJobRequest(spec=spec)
    for start in range(0, len(source), CHUNK_BYTES):
        yield jobs_pb2.SubmitJobRequest(chunk=source[start : start + CHUNK_BYTES])


def submit(channel: grpc.Channel, source: bytes = BELL) -> str:
    """Submit a circuit; gives the job's id."""
    return str(jobs_pb2_grpc.JobServiceStub(channel).SubmitJob(upload(source), timeout=TIMEOUT_SECONDS).job.id)


def cancel(channel: grpc.Channel, job_id: str) -> None:
    """Cancel a job."""
    request = jobs_pb2.CancelJobRequest(id=job_id)
    jobs_pb2_grpc.JobServiceStub(channel).CancelJob(request, timeout=TIMEOUT_SECONDS)
