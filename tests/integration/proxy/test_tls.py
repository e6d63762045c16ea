"""TLS: what is spoken, what is refused, and the certificate that nobody had to make."""

import socket
import ssl
import warnings
from collections.abc import Callable

import httpx
import pytest

from tests.integration.proxy import http2
from tests.integration.proxy.calls import health, tls_channel
from tests.integration.proxy.conftest import StartProxy
from tests.servers.proxy import Proxy


def handshake(proxy: Proxy, change: Callable[[ssl.SSLContext], None]) -> ssl.SSLSocket:
    """Connect with a context that trusts the proxy and was changed."""
    context = ssl.create_default_context(cafile=proxy.self_signed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is tried
        change(context)
    connection = socket.create_connection(("127.0.0.1", proxy.https_port), timeout=30)
    try:
        return context.wrap_socket(connection, server_hostname="localhost")
    except BaseException:
        connection.close()
        raise


def only(version: ssl.TLSVersion, ciphers: str = "DEFAULT:@SECLEVEL=0") -> Callable[[ssl.SSLContext], None]:
    def change(context: ssl.SSLContext) -> None:
        context.set_ciphers(ciphers)
        context.minimum_version = context.maximum_version = version

    return change


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_tls_is_spoken(proxy: Proxy, version: ssl.TLSVersion) -> None:
    with handshake(proxy, only(version)) as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(proxy: Proxy, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(proxy, only(version))


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-GCM-SHA256"])
def test_ciphers_without_forward_secrecy_or_authenticated_encryption_are_refused(proxy: Proxy, cipher: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(proxy, only(ssl.TLSVersion.TLSv1_2, f"{cipher}:@SECLEVEL=0"))


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["h2"], "h2")]
)
def test_the_protocol_is_negotiated(proxy: Proxy, offered: list[str], chosen: str) -> None:
    with handshake(proxy, lambda context: context.set_alpn_protocols(offered)) as connection:
        assert connection.selected_alpn_protocol() == chosen


def test_http2_is_spoken_over_tls(proxy: Proxy) -> None:
    with handshake(proxy, lambda context: context.set_alpn_protocols(["h2"])) as connection:
        headers, body = http2.get(connection, "/api/v1/health")

    assert (headers.lstrip(b"\x20")[0], body) == (http2.STATUS_200, b'{"status":"ok"}')


def test_http2_is_spoken_in_cleartext_by_prior_knowledge(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.http_port), timeout=30) as connection:
        headers, body = http2.get(connection, "/api/v1/health")

    assert (headers.lstrip(b"\x20")[0], body) == (http2.STATUS_200, b'{"status":"ok"}')


def test_http_1_is_spoken_over_tls(proxy: Proxy) -> None:
    with proxy.client() as client:
        answer = client.get("/api/v1/health")

    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")


def test_grpc_is_spoken_over_tls(proxy: Proxy) -> None:
    with tls_channel(proxy.grpc_tls_address, proxy.self_signed) as channel:
        assert health(channel) == "OK"


def test_cleartext_on_the_port_for_tls_is_told_so(proxy: Proxy) -> None:
    answer = httpx.get(f"http://127.0.0.1:{proxy.https_port}/docs")

    assert answer.status_code == 400
    assert "no TLS was spoken on the port for TLS" in answer.json()["msg"]


def test_the_first_start_makes_a_certificate_and_the_next_ones_keep_it(start_proxy: StartProxy) -> None:
    proxy = start_proxy()
    made = proxy.self_signed.read_bytes()
    key_mode = (proxy.folder / "state" / "self-signed.key").stat().st_mode & 0o777

    proxy.stop()
    proxy.start()

    assert proxy.self_signed.read_bytes() == made
    assert key_mode == 0o600
    assert [line for line in proxy.sentences if "made a self-signed certificate" in line] == proxy.sentences[:1]


def test_a_state_folder_that_can_not_be_written_to_is_named(start_proxy: StartProxy) -> None:
    with pytest.raises(RuntimeError, match="a self-signed certificate can't be written to /proc/none"):
        start_proxy(QSERVER_PROXY_STATE_FOLDER="/proc/none")
