"""What flows: large uploads, answers while the question is still being asked, events as they happen."""

from collections.abc import Iterator
from threading import Event

import grpc
import httpx
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.integration.proxy.calls import BELL, cancel, submit, tls_channel
from tests.integration.proxy.conftest import StartProxy
from tests.integration.proxy.echoes import piecewise_reader
from tests.servers.ports import free_port
from tests.servers.proxy import Proxy

SIX_MEGABYTES = 6_000_000


@pytest.mark.timeout(300)  # as long as the limits that it raises
@pytest.mark.parametrize("is_tls", [False, True], ids=["cleartext", "tls"])
def test_a_circuit_of_six_megabytes_goes_in_and_comes_out_unchanged(proxy: Proxy, *, is_tls: bool) -> None:
    comment = b"// a comment is a part of the source, too" + b"!" * 10_000 + b"\n"
    source = BELL + b"\n" + comment * (SIX_MEGABYTES // len(comment) + 1)
    with (
        tls_channel(proxy.grpc_tls_address, proxy.self_signed)
        if is_tls
        else grpc.insecure_channel(proxy.grpc_address) as channel
    ):
        job_id = submit(channel, source)
        cancel(channel, job_id)

    with proxy.client() as client:
        stored = client.get(f"/api/v1/job/{job_id}/circuit")

    assert len(source) > SIX_MEGABYTES
    assert stored.content == source


def test_an_answer_comes_while_the_question_is_still_open(proxy: Proxy) -> None:
    may_end = Event()

    def questions() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        may_end.wait(30)

    with grpc.insecure_channel(proxy.grpc_address) as channel:
        answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(questions(), timeout=30)
        first = next(answers)
        may_end.set()

    assert first.list_services_response.service


def test_events_over_http_come_as_they_happen(proxy: Proxy) -> None:
    with grpc.insecure_channel(proxy.grpc_address) as channel, proxy.client() as client:
        job_id = submit(channel)

        with client.stream("GET", f"/api/v1/job/{job_id}/events") as events:
            lines = (line for line in events.iter_lines() if line.startswith("data: "))
            first = next(lines)
            cancel(channel, job_id)
            last = next(lines)

    assert '"status":"pending"' in first
    assert '"status":"canceled"' in last


def test_a_watched_job_tells_over_grpc_as_it_happens(proxy: Proxy) -> None:
    with tls_channel(proxy.grpc_tls_address, proxy.self_signed) as channel:
        job_id = submit(channel)

        events = jobs_pb2_grpc.JobServiceStub(channel).WatchJob(jobs_pb2.WatchJobRequest(id=job_id), timeout=30)
        first = next(events)
        cancel(channel, job_id)
        last = next(events)

    assert first.status == jobs_pb2.JOB_STATUS_PENDING
    assert last.status == jobs_pb2.JOB_STATUS_CANCELED


def test_an_upload_over_http_is_passed_on_as_it_comes(start_proxy: StartProxy) -> None:
    port = free_port()
    has_arrived = Event()

    def body() -> Iterator[bytes]:
        yield b"first piece"
        yield b"last piece" if has_arrived.wait(30) else b"the first piece has not arrived"

    proxy = start_proxy(QSERVER_HTTP_UPSTREAM=f"127.0.0.1:{port}")
    with piecewise_reader(port, b"first piece", has_arrived), httpx.Client(timeout=60) as client:
        answer = client.post(f"{proxy.http_url}/api/v1/jobs", content=body())

    assert answer.content.endswith(b"last piece")
