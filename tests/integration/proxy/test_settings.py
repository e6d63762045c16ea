"""A wrong setting stops the proxy with a sentence that names it."""

import pytest

from tests.integration.proxy.conftest import StartProxy
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DOMAIN", "https://box.example.org", "DOMAIN is 'https://box.example.org'; it must be a name such as"),
        ("DOMAIN", "../../etc", "DOMAIN is '../../etc'; it must be a name such as"),
        (
            "QSERVER_GRPC_UPSTREAM",
            "jobs-server",
            "QSERVER_GRPC_UPSTREAM is 'jobs-server'; it must be a host and a port",
        ),
        ("QSERVER_HTTP_UPSTREAM", "a;b:1", "QSERVER_HTTP_UPSTREAM is 'a;b:1'; it must be a host and a port"),
        ("QSERVER_MAX_CALL_BYTES", "32m", "QSERVER_MAX_CALL_BYTES is '32m'; it must be a whole number from 1"),
        ("QSERVER_MAX_CIRCUIT_BYTES", "-1", "QSERVER_MAX_CIRCUIT_BYTES is '-1'; it must be a whole number from 1"),
        ("QSERVER_PROXY_RATE", "0", "QSERVER_PROXY_RATE is 0; it must be from 1 to 100000"),
        ("QSERVER_PROXY_STREAMS", "9" * 30, "QSERVER_PROXY_STREAMS is '9999"),
        ("QSERVER_PROXY_CONNECTIONS", "2001", "QSERVER_PROXY_CONNECTIONS is 2001; it must be from 1 to 2000"),
        ("QSERVER_PROXY_UNBOUNDED_FROM", "10.0.0.0/33", "QSERVER_PROXY_UNBOUNDED_FROM is '10.0.0.0/33'; it must be"),
        ("QSERVER_PROXY_UNBOUNDED_FROM", "a;b", "QSERVER_PROXY_UNBOUNDED_FROM is 'a;b'; it must be IPv4 networks"),
        ("QSERVER_WORKER_ENDPOINT", "true", "QSERVER_WORKER_ENDPOINT is 'true'; it must be on or off"),
        ("QSERVER_PROXY_RESOLVER", "dns|x", "QSERVER_PROXY_RESOLVER is 'dns|x'; it must be addresses"),
        ("QSERVER_PROXY_ACME_FOLDER", "/a b", "QSERVER_PROXY_ACME_FOLDER is '/a b'; it must be an absolute path"),
    ],
)
def test_a_wrong_setting_stops_it_with_a_sentence(
    make_proxy: StartProxy, variable: str, value: str, sentence: str
) -> None:
    proxy = make_proxy(**{variable: value})

    proxy.launch()
    wait_until(lambda: not proxy.is_alive, what="the proxy gives up")

    assert proxy.log.startswith(f"qserver-proxy: {sentence}")
    assert len(proxy.log.splitlines()) == 1
