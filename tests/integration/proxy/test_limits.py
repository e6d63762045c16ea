"""What one sender may ask for: beyond it, the refusal names the limit, in the words of the protocol spoken."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx

from tests.acceptance.deployment import Deployment
from tests.integration.proxy.calls import BELL, cancel, health, refused, submit, unary
from tests.integration.proxy.conftest import StartProxy, upstreams
from tests.servers.proxy import Proxy
from tests.waiting import wait_until

JSON = {"content-type": "application/json"}


def small(services: Deployment) -> dict[str, str]:
    return {**upstreams(services), "QSERVER_MAX_CALL_BYTES": "100000", "QSERVER_MAX_CIRCUIT_BYTES": "50000"}


def test_a_body_that_says_that_it_is_too_large_is_refused(services: Deployment, start_proxy: StartProxy) -> None:
    proxy = start_proxy(**small(services))

    answer = httpx.post(f"{proxy.http_url}/api/v1/jobs", content=b" " * 100_001, headers=JSON)

    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["msg"] == "the body is larger than 100000 bytes (QSERVER_MAX_CALL_BYTES)"
    assert answer.json()["reason"] == "TOO_LARGE"


def test_a_body_in_chunks_that_becomes_too_large_is_refused(services: Deployment, start_proxy: StartProxy) -> None:
    proxy = start_proxy(**small(services))

    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 10_000

    answer = httpx.post(f"{proxy.http_url}/api/v1/jobs", content=chunks(), headers=JSON)

    assert answer.status_code == 413
    assert answer.json()["reason"] == "TOO_LARGE"


def test_a_body_as_large_as_the_limit_goes_through(services: Deployment, start_proxy: StartProxy) -> None:
    proxy = start_proxy(**small(services))

    answer = httpx.post(f"{proxy.http_url}/api/v1/jobs", content=b" " * 100_000, headers=JSON)

    assert answer.status_code == 400
    assert "body" in answer.json()["msg"]


def test_an_upload_over_grpc_that_becomes_too_large_is_refused(services: Deployment, start_proxy: StartProxy) -> None:
    proxy = start_proxy(**small(services))

    with grpc.insecure_channel(proxy.grpc_address) as channel, refused() as refusals:
        submit(channel, BELL + b"\n//" + b" " * 300_000)

    assert refusals[0].code is grpc.StatusCode.INVALID_ARGUMENT
    assert "the call is larger than 200000 bytes" in refusals[0].sentence
    assert refusals[0].reason == "TOO_LARGE"


def test_an_address_that_asks_too_fast_is_slowed_down_and_then_refused(
    services: Deployment, start_proxy: StartProxy
) -> None:
    proxy = start_proxy(**upstreams(services), QSERVER_PROXY_RATE="1")

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: httpx.get(f"{proxy.http_url}/api/v1/health", timeout=60), range(20)))

    refusals = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert refusals[0].headers["retry-after"] == "2"
    assert "more than 1 requests a second (QSERVER_PROXY_RATE)" in refusals[0].json()["msg"]
    assert refusals[0].json()["reason"] == "QUOTA_EXCEEDED"


def test_calls_that_come_too_fast_get_a_status(services: Deployment, start_proxy: StartProxy) -> None:
    proxy = start_proxy(**upstreams(services), QSERVER_PROXY_RATE="1")

    with grpc.insecure_channel(proxy.grpc_address) as channel:
        calls = [unary(channel, "/Jobs/HealthCheck").future(b"", timeout=60) for _ in range(20)]
        codes = {call.code() for call in calls}
        sentences = {call.details() for call in calls if call.code() is not grpc.StatusCode.OK}

    assert codes == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert all("QSERVER_PROXY_RATE" in sentence for sentence in sentences)


def test_an_address_may_hold_only_so_many_streams(services: Deployment, start_proxy: StartProxy) -> None:
    proxy = start_proxy(**upstreams(services), QSERVER_PROXY_STREAMS="1")
    with grpc.insecure_channel(services.grpc_address) as channel:
        job_id = submit(channel)

        with httpx.stream("GET", f"{proxy.http_url}/api/v1/job/{job_id}/events", timeout=30) as events:
            lines = events.iter_lines()  # a stream ends with its last reader
            next(lines)
            refusal = httpx.get(f"{proxy.http_url}/api/v1/health")
            with grpc.insecure_channel(proxy.grpc_address) as another, refused() as refusals:
                health(another)
        cancel(channel, job_id)

    assert refusal.status_code == 429
    assert "1 at once (QSERVER_PROXY_STREAMS)" in refusal.json()["msg"]
    assert refusals[0].code is grpc.StatusCode.RESOURCE_EXHAUSTED
    wait_until(lambda: _answers(proxy), what="the ended stream counts no more")


def _answers(proxy: Proxy) -> bool:
    return httpx.get(f"{proxy.http_url}/api/v1/health").status_code == 200
