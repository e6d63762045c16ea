"""Connections that say nothing, that never finish a sentence, and that flood, at the services and at the proxy."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.acceptance.deployment import Deployment
from tests.integration.proxy.rapid_reset import honest_calls, reset_rapidly
from tests.servers.proxy import Proxy
from tests.tried import tried

KIND = "Connections"
PATIENCE_SECONDS = 60
"""Over 20 s, which each of them gives, and far below for ever."""

HTTP_HEAD = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def is_closed_after(port: int, first_words: bytes) -> bool:
    """Say a few words and no more; tell whether the other side closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(first_words)
        with suppress(ConnectionError):
            while connection.recv(65536):
                pass
        return True


@tried(KIND, "a connection that says nothing (slow loris)", door="all ports", answer="closed within 20 s")
@tried(KIND, "HTTP whose head never ends", door="HTTP, proxy", answer="408 from the service, closed within 20 s")
@pytest.mark.timeout(4 * PATIENCE_SECONDS)
def test_whoever_never_finishes_a_sentence_is_let_go_while_others_are_answered(
    services: Deployment, proxy: Proxy
) -> None:
    silent = {
        "gRPC, nothing": (services.grpc_port, b""),
        "HTTP, nothing": (services.http_port, b""),
        "HTTP, half a head": (services.http_port, HTTP_HEAD),
        "proxy, nothing": (proxy.http_port, b""),
        "proxy, half a head": (proxy.http_port, HTTP_HEAD),
    }

    with (
        honest_calls(services.grpc_address) as direct,
        honest_calls(proxy.grpc_address) as proxied,
        ThreadPoolExecutor(len(silent)) as threads,
    ):
        found = dict(zip(silent, threads.map(lambda way: is_closed_after(*way), silent.values()), strict=True))

    assert found == dict.fromkeys(silent, True)
    assert set(direct) == set(proxied) == {"OK"}


@tried(
    KIND,
    "50,000 calls opened and reset at once (HTTP/2 rapid reset)",
    door="gRPC",
    answer="shed; every call of others is answered, memory grows by less than 64 MiB",
)
def test_rapid_resets_harm_nobody_else(services: Deployment) -> None:
    before_bytes = services.memory_bytes("jobs_server")

    with honest_calls(services.grpc_address) as statuses:
        reset_rapidly(services.grpc_port)

    assert set(statuses) == {"OK"}
    assert services.memory_bytes("jobs_server") - before_bytes < 64 * 1024 * 1024


@tried(
    KIND,
    "50,000 calls opened and reset at once (HTTP/2 rapid reset)",
    door="proxy",
    answer="slowed down by its limits of an address; calls that come straight to the service are all answered",
)
def test_rapid_resets_at_the_proxy_do_not_reach_the_service(services: Deployment, proxy: Proxy) -> None:
    with honest_calls(services.grpc_address) as statuses:
        reset_rapidly(proxy.http_port)

    assert set(statuses) == {"OK"}
    assert proxy.is_alive
