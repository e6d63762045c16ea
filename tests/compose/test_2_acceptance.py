"""The deployed form through the proxy: both protocols on one host, over TLS and in cleartext."""

import json
import time
from collections.abc import Iterator

import grpc
import httpx
import pytest

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.compose.stack import BELL, Stack, wait_until_finished
from tests.integration.proxy.held import HEAD_OF_HTTP_1, holding
from tests.waiting import wait_until

CHUNK_BYTES = 16 * 1024
LARGE_BYTES = 6 * 1024 * 1024
STREAM_SECONDS = 150
"""Longer than any time-out that a proxy has by default (60 s) or that ours sets for silent clients."""


def channel_of(stack: Stack, door: str) -> grpc.Channel:
    return stack.tls_channel() if door == "tls" else stack.cleartext_channel()


def upload(source: bytes) -> Iterator[jobs_pb2.SubmitJobRequest]:
    yield jobs_pb2.SubmitJobRequest(
        spec=jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], shots=100)
    )
    for start in range(0, len(source), CHUNK_BYTES):
        yield jobs_pb2.SubmitJobRequest(chunk=source[start : start + CHUNK_BYTES])


@pytest.mark.parametrize("door", ["tls", "cleartext"])
def test_a_circuit_goes_in_by_grpc_and_its_result_comes_out_by_http(stack: Stack, door: str) -> None:
    with channel_of(stack, door) as channel:
        job_id = jobs_pb2_grpc.JobServiceStub(channel).SubmitJob(upload(BELL), timeout=60).job.id
        last = list(jobs_pb2_grpc.JobServiceStub(channel).WatchJob(jobs_pb2.WatchJobRequest(id=job_id), timeout=120))[
            -1
        ]

    assert last.status == jobs_pb2.JOB_STATUS_FINISHED, last.message
    with stack.http() as http:
        counts = http.get(f"/api/v1/job/result/{job_id}").json()["counts"]
    assert set(counts) <= {"00", "11"}
    assert sum(counts.values()) == 100


@pytest.mark.parametrize("door", ["tls", "cleartext"])
def test_clients_of_the_original_need_no_change(stack: Stack, door: str) -> None:
    properties = original_pb2.JobProperties(resultTypeCounts=True, targetSimulator="aer", metadata='{"shots": 50}')
    messages = [original_pb2.JobData(properties=properties), original_pb2.JobData(qasmChunk=BELL.decode())]

    with channel_of(stack, door) as channel:
        jobs = original_pb2_grpc.JobsStub(channel)
        health = jobs.HealthCheck(original_pb2.HealthCheckInput(), timeout=30).status
        job_id = jobs.AddJob(iter(messages), timeout=60).id

    assert health == "OK"
    wait_until_finished(stack, [job_id])


def test_a_circuit_of_6_mb_is_streamed_in(stack: Stack) -> None:
    gates = b"".join(b"rx(0.%d) q[%d];\ncx q[0],q[1];\n" % (number, number % 2) for number in range(1, 20_000))
    head, tail = BELL.split(b" h q[0];")
    comment = b"// " + b"a" * 96 + b"\n"
    source = head + b"\n" + comment * ((LARGE_BYTES - len(gates)) // len(comment) + 1) + gates + b"h q[0];" + tail

    with stack.tls_channel() as channel:
        job_id = jobs_pb2_grpc.JobServiceStub(channel).SubmitJob(upload(source), timeout=300).job.id

    assert len(source) > LARGE_BYTES
    wait_until_finished(stack, [job_id])


def test_a_silent_stream_of_events_stays_open_for_minutes(stack: Stack) -> None:
    stack.compose("stop", "--timeout", "20", "worker")
    try:
        with stack.http() as http:
            job_id = http.post("/api/v1/jobs", json=wanted(BELL.decode())).json()["id"]
            with http.stream("GET", f"/api/v1/job/{job_id}/events", timeout=httpx.Timeout(120)) as response:
                lines = response.iter_lines()
                first = next_status(lines)
                opened = time.monotonic()
                while time.monotonic() - opened < STREAM_SECONDS:
                    next(lines)  # a comment that keeps it alive
                stack.compose("start", "worker")
                seen = [first]
                while seen[-1] not in {"finished", "failed"}:
                    seen.append(next_status(lines))
    finally:
        stack.compose("start", "worker")

    assert (first, seen[-1]) == ("pending", "finished")


def wanted(circuit: str) -> dict[str, object]:
    return {"backend": "aer", "result_types": ["counts"], "circuit": circuit}


def next_status(lines: Iterator[str]) -> str:
    for line in lines:
        if line.startswith("data:"):
            return str(json.loads(line.removeprefix("data:"))["status"])
    raise AssertionError("the stream was cut")


def test_a_wrong_circuit_is_refused_with_line_and_column(stack: Stack) -> None:
    with stack.http() as http:
        answer = http.post("/api/v1/jobs", json=wanted("OPENQASM 2.0;\nnonsense q[0];"))

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "line 2" in answer.json()["msg"]


def test_paths_of_nobody_are_not_found_and_figures_stay_inside(stack: Stack) -> None:
    with stack.http() as http:
        assert http.get("/nothing").status_code == httpx.codes.NOT_FOUND
        assert http.get("/metrics").status_code == httpx.codes.NOT_FOUND
        assert http.get("/docs").status_code == httpx.codes.OK
        assert http.get("/healthcheck/").text == "All Working"


def test_a_job_says_which_client_it_came_from(stack: Stack) -> None:
    with stack.tls_channel() as channel:
        job_id = jobs_pb2_grpc.JobServiceStub(channel).SubmitJob(upload(BELL), timeout=60).job.id

    address = stack.in_database(f"SELECT address FROM job_events WHERE job_id = '{job_id}' AND sequence = 1")  # noqa: S608 - our own id

    assert address
    assert "10.213.77.30" not in address  # the proxy's own


def test_an_address_that_holds_all_it_may_keeps_no_other_out(stack: Stack) -> None:
    ask = "from urllib.request import urlopen; print(urlopen('http://proxy:8080/healthcheck/', timeout=10).read())"

    with holding(stack.http_port, HEAD_OF_HTTP_1, "127.0.0.1", 1100) as held:
        wait_until(lambda: held.open == 1000, what="QSERVER_PROXY_CONNECTIONS are held")

        assert "All Working" in stack.compose("exec", "-T", "jobs-server", "python", "-c", ask)
        assert "connection_refused" in stack.compose("logs", "--no-log-prefix", "--tail", "500", "proxy")
