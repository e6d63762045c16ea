"""How many connections one address may hold, whatever it says on them, and that others get in meanwhile."""

import httpx
import pytest

from tests.integration.proxy.box import Box
from tests.integration.proxy.calls import tls_channel, unary
from tests.integration.proxy.conftest import StartProxy
from tests.integration.proxy.held import HANDSHAKE_OF_TLS, HEAD_OF_HTTP_1, HEAD_OF_HTTP_2, holding
from tests.servers.proxy import Proxy
from tests.tried import tried
from tests.waiting import wait_until

KIND = "Connections"
BOUND = 50
ATTEMPTS = 80
ATTACKER, NEIGHBOUR = "127.0.0.2", "127.0.0.1"


def answers(proxy: Proxy, address: str) -> bool:
    """Whether an address gets an answer from the proxy itself."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=30) as client:
        try:
            return client.get(f"{proxy.http_url}/healthcheck/").status_code == 200
        except httpx.TransportError:
            return False


@tried(
    KIND,
    "thousands of connections of one address whose head, of HTTP/1.1 or HTTP/2, or whose handshake of TLS was begun",
    door="proxy",
    answer="closed beyond QSERVER_PROXY_CONNECTIONS; other addresses are answered",
)
@pytest.mark.parametrize(
    ("words", "is_tls"),
    [
        pytest.param(HEAD_OF_HTTP_1, False, id="a head of HTTP/1.1"),
        pytest.param(HEAD_OF_HTTP_2, False, id="a header block of HTTP/2"),
        pytest.param(HANDSHAKE_OF_TLS, True, id="a handshake of TLS"),
    ],
)
def test_an_address_holds_so_many_connections_and_others_get_in(
    start_proxy: StartProxy, words: bytes, *, is_tls: bool
) -> None:
    proxy = start_proxy(QSERVER_PROXY_CONNECTIONS=str(BOUND))

    with holding(proxy.https_port if is_tls else proxy.http_port, words, ATTACKER, ATTEMPTS) as held:
        wait_until(lambda: held.open == BOUND, what=f"{BOUND} of {ATTEMPTS} are held")

        assert answers(proxy, NEIGHBOUR)
        with proxy.client() as client:
            assert client.get("/healthcheck/").text == "All Working"
        with tls_channel(proxy.grpc_tls_address, proxy.self_signed) as channel:
            code = unary(channel, "/Jobs/HealthCheck").future(b"", timeout=30).code()
            assert code.name == "UNAVAILABLE"  # the proxy's own answer: there is no service behind it
        assert held.open == BOUND


def test_both_ports_count_together(start_proxy: StartProxy) -> None:
    proxy = start_proxy(QSERVER_PROXY_CONNECTIONS=str(BOUND))

    with (
        holding(proxy.http_port, HEAD_OF_HTTP_2, ATTACKER, 30) as cleartext,
        holding(proxy.https_port, b"", ATTACKER, ATTEMPTS) as tls,
    ):
        # Which of them came first is the kernel's affair: they wait at two ports.
        wait_until(lambda: cleartext.open + tls.open == BOUND, what=f"{BOUND} of {30 + ATTEMPTS} are held")


def test_a_connection_that_ends_leaves_its_place(start_proxy: StartProxy) -> None:
    proxy = start_proxy(QSERVER_PROXY_CONNECTIONS=str(BOUND))

    with holding(proxy.http_port, HEAD_OF_HTTP_1, ATTACKER, ATTEMPTS) as held:
        wait_until(lambda: held.open == BOUND, what="the bound is reached")
        assert not answers(proxy, ATTACKER)

    wait_until(lambda: answers(proxy, ATTACKER), what="the address is answered again")


def test_requests_one_after_another_take_no_place_for_good(start_proxy: StartProxy) -> None:
    proxy = start_proxy(QSERVER_PROXY_CONNECTIONS="2")

    wait_until(lambda: answers(proxy, ATTACKER), what="a first answer")
    for _ in range(10):
        wait_until(lambda: answers(proxy, ATTACKER), what="places are free again")
    with httpx.Client() as client:
        assert [client.get(f"{proxy.http_url}/healthcheck/").status_code for _ in range(10)] == [200] * 10


def test_networks_that_are_named_are_not_counted(start_proxy: StartProxy) -> None:
    proxy = start_proxy(
        QSERVER_PROXY_CONNECTIONS=str(BOUND), QSERVER_PROXY_UNBOUNDED_FROM=f"10.1.0.0/16, {ATTACKER}/32,192.0.2.7"
    )

    with (
        holding(proxy.http_port, HEAD_OF_HTTP_1, ATTACKER, ATTEMPTS) as named,
        holding(proxy.http_port, HEAD_OF_HTTP_1, "127.0.0.3", ATTEMPTS) as another,
    ):
        wait_until(lambda: another.open == BOUND, what="another address is bounded")

        assert named.open == ATTEMPTS
        assert answers(proxy, ATTACKER)


def test_the_log_says_who_was_refused_and_by_which_limit(start_proxy: StartProxy) -> None:
    proxy = start_proxy(QSERVER_PROXY_CONNECTIONS=str(BOUND))

    with holding(proxy.http_port, HEAD_OF_HTTP_1, ATTACKER, ATTEMPTS) as held:
        wait_until(lambda: held.open == BOUND, what="the bound is reached")

    lines = [line for line in proxy.requests if line["event"] == "connection_refused"]
    assert len(lines) == ATTEMPTS - BOUND
    assert (
        lines[0].items()
        >= {
            "client": ATTACKER,
            "port": proxy.http_port,
            "limit": "QSERVER_PROXY_CONNECTIONS",
            "value": BOUND,
        }.items()
    )


def test_the_endpoint_for_workers_counts_too(box: Box) -> None:
    with holding(box.proxy.worker_port, HANDSHAKE_OF_TLS, ATTACKER, 1001) as held:
        wait_until(lambda: held.open == 1000, what="the bound is reached")

        assert answers(box.proxy, NEIGHBOUR)


def test_it_starts_again_after_it_was_killed(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    proxy.kill()

    proxy.start()

    assert answers(proxy, NEIGHBOUR)
