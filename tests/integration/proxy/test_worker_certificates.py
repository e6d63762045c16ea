"""Who gets in by the endpoint for workers: who shows a certificate of ours, and nobody else."""

import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from qserver.errors import Unavailable
from tests.certificates import Authority, Certificate
from tests.integration.proxy.box import Box
from tests.waiting import wait_until

NOTHING: set[str] = set()
EVERYTHING = {"database", "broker"}


def heard_from(connection: socket.socket) -> bytes:
    """Give the first words of a server; none from one that hangs up, politely or not."""
    try:
        return connection.recv(100)
    except OSError:
        return b""


def answering(box: Box, client: Certificate) -> set[str]:
    """Name what answers to who shows this certificate: the database, the broker, both or neither."""
    found = set()
    with box.database(client) as database, box.broker(client) as broker:
        for name, ping in (("database", database.ping), ("broker", broker.ping)):
            with contextlib.suppress(Unavailable):
                ping()
                found.add(name)
    return found


def test_a_certificate_of_another_authority_is_turned_away(box: Box, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger").client("gpu1")

    assert answering(box, stranger) == NOTHING


def test_the_certificate_of_a_server_is_no_certificate_of_a_client(box: Box) -> None:
    server = box.authority.worker_endpoint()
    own = Certificate(server.certificate, box.proxy.folder / "copy.key")
    own.key.write_bytes(server.key.read_bytes())
    own.key.chmod(0o600)

    assert answering(box, own) == NOTHING


def test_an_expired_certificate_is_turned_away(box: Box) -> None:
    assert answering(box, box.authority.expired("gpu1", "clientAuth")) == NOTHING


def test_a_revoked_certificate_is_turned_away_without_a_restart(box: Box) -> None:
    lost, kept = box.authority.client("lost"), box.authority.client("kept")
    assert answering(box, lost) == EVERYTHING

    box.authority.revoke("lost")
    box.mount()

    wait_until(
        lambda: answering(box, lost) == NOTHING, timeout_seconds=60, what="the revoked certificate is turned away"
    )
    assert answering(box, kept) == EVERYTHING


@pytest.mark.parametrize("name", ["localhost", "management.qserver", None])
def test_another_name_leads_nowhere(box: Box, name: str | None) -> None:
    client = box.authority.client("gpu1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(client.certificate, client.key)

    with (
        socket.create_connection(("127.0.0.1", box.proxy.worker_port), timeout=30) as connection,
        pytest.raises(ssl.SSLError, match="unrecognized name"),
    ):
        context.wrap_socket(connection, server_hostname=name)


@pytest.mark.parametrize("words", [b"AMQP\x00\x00\x09\x01", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"])
def test_cleartext_is_hung_up_on(box: Box, words: bytes) -> None:
    with socket.create_connection(("127.0.0.1", box.proxy.worker_port), timeout=30) as connection:
        connection.sendall(words)

        assert heard_from(connection) == b""


def test_without_a_certificate_nothing_of_the_services_is_heard(box: Box) -> None:
    context = ssl.create_default_context(cafile=box.authority.certificate)
    with (
        socket.create_connection(("127.0.0.1", box.proxy.worker_port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="broker.qserver") as secured,
    ):
        secured.sendall(b"AMQP\x00\x00\x09\x01")

        assert heard_from(secured) == b""


def test_a_worker_does_not_speak_to_a_box_that_it_does_not_trust(box: Box, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.client("gpu1")
    client, trusted = box.authority.client("gpu1"), stranger.client_authority("gpu1")

    with (
        box.database(client, database_tls_ca=trusted) as database,
        pytest.raises(Unavailable, match="certificate verify failed"),
    ):
        database.ping()
    with (
        box.broker(client, broker_tls_ca=trusted) as broker,
        pytest.raises(Unavailable, match=r"(?i)certificate.verify.failed"),
    ):
        broker.ping()
