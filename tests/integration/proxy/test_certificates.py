"""Certificates: which one is served, what is said of a bad one, and how a new one is picked up."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import Deployment
from tests.certificates import Authority, Certificate, put
from tests.integration.proxy.calls import cancel, health, submit, tls_channel
from tests.integration.proxy.conftest import StartProxy, upstreams
from tests.servers.proxy import Proxy
from tests.waiting import wait_until

REMEDY = "make another one on the host with certs/private-ca.sh server NAME"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def served_by(proxy: Proxy) -> str:
    """Give the certificate that is served, in PEM form."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", proxy.https_port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")


def is_served(proxy: Proxy, certificate: Certificate) -> Callable[[], bool]:
    own = certificate.certificate.read_text()
    return lambda: served_by(proxy) == own


def mount(proxy: Proxy, certificate: Certificate) -> None:
    """Put a certificate where the private authority's lies."""
    certificate.copy_to(proxy.certs / "server.crt", proxy.certs / "server.key")


def mount_letsencrypt(proxy: Proxy, domain: str, certificate: Certificate, number: int = 1) -> None:
    """Put a certificate where certbot does: links in `live` lead to numbered files in `archive`."""
    archive, live = proxy.letsencrypt / "archive" / domain, proxy.letsencrypt / "live" / domain
    for folder in (archive, live):
        folder.mkdir(parents=True, exist_ok=True)
    certificate.copy_to(archive / f"fullchain{number}.pem", archive / f"privkey{number}.pem")
    for name in ("privkey", "fullchain"):
        (live / "new").symlink_to(f"../../archive/{domain}/{name}{number}.pem")
        (live / "new").replace(live / f"{name}.pem")


def test_a_certificate_of_the_private_authority_is_trusted_by_it(
    make_proxy: StartProxy, authority: Authority, services: Deployment
) -> None:
    proxy = make_proxy(**upstreams(services))
    mount(proxy, authority.server("localhost", "127.0.0.1"))
    proxy.start()

    with proxy.client(authority.certificate) as client:
        assert client.get("/api/v1/health").status_code == 200
        assert client.get(f"https://127.0.0.1:{proxy.https_port}/docs").status_code == 200
    with tls_channel(proxy.grpc_tls_address, authority.certificate) as channel:
        assert health(channel) == "OK"


def test_a_renewed_certificate_is_picked_up_and_cuts_no_stream(
    make_proxy: StartProxy, authority: Authority, services: Deployment
) -> None:
    proxy = make_proxy(**upstreams(services))
    mount(proxy, authority.server("localhost"))
    proxy.start()
    with (
        tls_channel(proxy.grpc_tls_address, authority.certificate) as channel,
        proxy.client(authority.certificate) as client,
        grpc.insecure_channel(services.grpc_address) as inside,
    ):
        job_id = submit(inside)
        watched = jobs_pb2_grpc.JobServiceStub(channel).WatchJob(jobs_pb2.WatchJobRequest(id=job_id), timeout=90)
        assert next(watched).status == jobs_pb2.JOB_STATUS_PENDING
        with client.stream("GET", f"/api/v1/job/{job_id}/events") as events:
            lines = (line for line in events.iter_lines() if line.startswith("data: "))
            assert '"status":"pending"' in next(lines)

            renewed = authority.server("localhost")
            mount(proxy, renewed)
            wait_until(is_served(proxy, renewed), what="the renewed certificate is served")
            cancel(inside, job_id)

            assert '"status":"canceled"' in next(lines)
        assert next(watched).status == jobs_pb2.JOB_STATUS_CANCELED


def test_a_self_signed_certificate_that_could_not_be_renewed_is_when_it_can(
    make_proxy: StartProxy, authority: Authority
) -> None:
    proxy = make_proxy()
    proxy.start()
    in_the_way = proxy.self_signed.with_name("self-signed.key.new")
    in_the_way.mkdir()
    expiring = authority.server("localhost", days=1)
    expiring.copy_to(proxy.self_signed, proxy.self_signed.with_name("self-signed.key"))
    wait_until(lambda: "can't be written to" in proxy.log, what="the proxy says why it can't renew it")

    in_the_way.rmdir()

    wait_until(lambda: proxy.self_signed.read_bytes() != expiring.certificate.read_bytes(), what="it is renewed")
    wait_until(lambda: served_by(proxy) == proxy.self_signed.read_text(), what="the renewed one is served")


def test_a_certificate_that_does_not_fit_its_key_stops_the_start(make_proxy: StartProxy, authority: Authority) -> None:
    proxy = make_proxy()
    mount(proxy, authority.server("localhost"))
    (proxy.certs / "server.key").write_bytes(authority.server("localhost").key.read_bytes())

    proxy.launch()
    wait_until(lambda: not proxy.is_alive, what="the proxy gives up")

    sentence = f"the certificate {proxy.certs}/server.crt doesn't fit the key {proxy.certs}/server.key: {REMEDY}"
    assert proxy.sentences == [f"qserver-proxy: {sentence}"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("server.crt", "", "server.crt is no certificate in PEM form"),
        ("server.key", "-----BEGIN PRIVATE KEY-----", "server.key is no key in PEM form, or it wants a passphrase"),
        ("server.key", None, "there is no"),
        ("server.crt", None, "there is no"),
    ],
)
def test_broken_files_stop_the_start_with_a_sentence(
    make_proxy: StartProxy, authority: Authority, name: str, content: str | None, sentence: str
) -> None:
    proxy = make_proxy()
    mount(proxy, authority.server("localhost"))
    if content is None:
        (proxy.certs / name).unlink()
    else:
        (proxy.certs / name).write_text(content)

    proxy.launch()
    wait_until(lambda: not proxy.is_alive, what="the proxy gives up")

    assert sentence in proxy.log
    assert name in proxy.log
    assert "certs/private-ca.sh server NAME" in proxy.log


def test_a_wrong_renewal_leaves_the_old_certificate_until_it_is_right(
    make_proxy: StartProxy, authority: Authority
) -> None:
    proxy = make_proxy()
    old = authority.server("localhost")
    mount(proxy, old)
    old_served = old.certificate.read_text()
    proxy.start()

    new = authority.server("localhost")
    put(new.certificate, proxy.certs / "server.crt")
    wait_until(lambda: "the old one still is" in proxy.log, what="the wrong certificate is complained of")
    still_served = served_by(proxy)
    put(new.key, proxy.certs / "server.key")
    wait_until(is_served(proxy, new), what="the right certificate is served")

    assert still_served == old_served
    assert len([line for line in proxy.sentences if "the old one still is" in line]) == 1


def test_an_expired_certificate_is_served_and_complained_of(make_proxy: StartProxy, authority: Authority) -> None:
    proxy = make_proxy()
    authority.server("localhost")
    expired = authority.expired("localhost", "serverAuth")
    mount(proxy, expired)

    proxy.start()

    assert served_by(proxy) == expired.certificate.read_text()
    what = "has expired on Feb  1 00:00:00 2020 GMT and clients refuse it"
    assert proxy.sentences == [f"qserver-proxy: the certificate {proxy.certs}/server.crt {what}: {REMEDY}"]


def test_a_certificate_that_expires_soon_is_complained_of(make_proxy: StartProxy, authority: Authority) -> None:
    proxy = make_proxy()
    mount(proxy, authority.server("localhost", days=5))

    proxy.start()

    assert "server.crt expires on" in proxy.log


def test_a_domain_without_a_certificate_yet_is_served_self_signed_until_it_comes(
    make_proxy: StartProxy, authority: Authority
) -> None:
    proxy = make_proxy(DOMAIN="box.example.org")
    proxy.start()
    before = served_by(proxy)

    first = authority.server("localhost", "box.example.org")
    mount_letsencrypt(proxy, "box.example.org", first)
    wait_until(is_served(proxy, first), what="the certificate of the domain is served")
    renewed = authority.server("localhost", "box.example.org")
    mount_letsencrypt(proxy, "box.example.org", renewed, number=2)
    wait_until(is_served(proxy, renewed), what="the renewed certificate of the domain is served")

    assert before == proxy.self_signed.read_text()
    assert "if it is on the host: make env sets LETSENCRYPT_FOLDER" in proxy.log
    assert "run certs/generate-certs.sh box.example.org on the host. Until then a self-signed" in proxy.log


def test_where_a_domain_is_set_the_private_authority_is_left_alone(
    make_proxy: StartProxy, authority: Authority
) -> None:
    proxy = make_proxy(DOMAIN="localhost")
    mount(proxy, authority.server("localhost"))
    own = Authority(proxy.folder / "other").server("localhost")
    mount_letsencrypt(proxy, "localhost", own)

    proxy.start()

    assert is_served(proxy, own)()


def test_a_private_certificate_that_appears_later_replaces_the_self_signed_one(
    start_proxy: StartProxy, authority: Authority
) -> None:
    proxy = start_proxy()
    made = authority.server("localhost")

    mount(proxy, made)

    wait_until(is_served(proxy, made), what="the certificate that appeared is served")
