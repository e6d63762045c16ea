"""The way in for workers on other machines: only with a certificate of ours, and only to broker and database."""

import shutil
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit
from uuid import uuid4

import grpc
import httpx
import pytest

from database import Database
from database.changes import Change, ChangeKind
from qserver.broker import Broker, Hint, Publisher, connect
from qserver.errors import Unavailable
from qserver.jobs import JobStatus
from qserver.settings import BrokerSettings, DatabaseSettings
from tests.acceptance.deployment import Deployment
from tests.certificates import Authority, Certificate, put
from tests.integration.proxy.calls import submit
from tests.integration.proxy.conftest import StartProxy
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQServer
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Box:
    """A box with broker and database behind its endpoint for workers."""

    proxy: Proxy
    authority: Authority
    database_url: str
    broker_url: str

    def environment(self, client: Certificate, trusted: Path | None = None) -> dict[str, str]:
        """Give the settings of a worker elsewhere that shows a certificate."""
        database, broker = urlsplit(self.database_url), urlsplit(self.broker_url)
        files = {"CA": trusted or self.authority.certificate, "CERTIFICATE": client.certificate, "KEY": client.key}
        place = f"localhost:{self.proxy.worker_port}"
        return {
            "QSERVER_DATABASE_URL": f"{database.scheme}://{database.username}@{place}{database.path}",
            "QSERVER_BROKER_URL": f"amqps://{broker.username}:{broker.password}@{place}{broker.path}",
            **{
                f"QSERVER_{part}_TLS_{name}": str(path)
                for part in ("DATABASE", "BROKER")
                for name, path in files.items()
            },
            "QSERVER_DATABASE_TLS_SERVER_NAME": "database.qserver",
            "QSERVER_BROKER_TLS_SERVER_NAME": "broker.qserver",
        }

    @contextmanager
    def database(self, client: Certificate, **changed: object) -> Iterator[Database]:
        """Open the database from elsewhere."""
        values = {**_fields(self.environment(client)), "database_timeout_seconds": 5, **changed}
        with closing(Database.open(DatabaseSettings.model_validate(values))) as opened:
            yield opened

    @contextmanager
    def broker(self, client: Certificate, **changed: object) -> Iterator[Broker]:
        """Open the broker from elsewhere."""
        values = {**_fields(self.environment(client)), "broker_timeout_seconds": 5, **changed}
        with closing(connect(BrokerSettings.model_validate(values))) as opened:
            yield opened

    def mount(self) -> None:
        """Copy what the authority has made for the proxy to where it is mounted."""
        shutil.copytree(self.authority.proxy_folder, self.proxy.certs, copy_function=put, dirs_exist_ok=True)


def _fields(environment: Mapping[str, str]) -> dict[str, object]:
    return {name.removeprefix("QSERVER_").lower(): value for name, value in environment.items()}


@pytest.fixture
def box(
    make_proxy: StartProxy,
    tmp_path: Path,
    postgres_server: PostgresServer,
    rabbitmq_server: RabbitMQServer,
    postgres_database_url: str,
    rabbitmq_url: str,
) -> Box:
    proxy = make_proxy(
        QSERVER_WORKER_ENDPOINT="on",
        QSERVER_BROKER_UPSTREAM=f"127.0.0.1:{rabbitmq_server.port}",
        QSERVER_DATABASE_UPSTREAM=f"127.0.0.1:{postgres_server.port}",
    )
    made = Box(proxy, Authority(tmp_path / "authority"), postgres_database_url, rabbitmq_url)
    made.authority.worker_endpoint()
    made.mount()
    proxy.start()
    return made


def heard_from(connection: socket.socket) -> bytes:
    """Give the first words of a server; none from one that hangs up, politely or not."""
    try:
        return connection.recv(100)
    except OSError:
        return b""


def is_turned_away(box: Box, client: Certificate) -> bool:
    """Whether neither database nor broker answers who shows this certificate."""
    with box.database(client) as database, box.broker(client) as broker:
        try:
            database.ping()
        except Unavailable:
            with pytest.raises(Unavailable):
                broker.ping()
            return True
    return False


def test_the_database_is_reached_with_a_certificate(box: Box) -> None:
    news: Queue[Change] = Queue()
    with box.database(box.authority.client("gpu1")) as database:
        database.upgrade()
        subscription = database.changes.subscribe(news.put)
        first = news.get(timeout=30)
        database.ping()
        subscription.close()

    assert first.kind is ChangeKind.RECONNECTED


def test_the_broker_is_reached_with_a_certificate(box: Box) -> None:
    hint = Hint(route="cpu", job_ids=(uuid4(),))
    pulled: list[Hint] = []
    with box.broker(box.authority.client("gpu1")) as broker, closing(broker.publisher()) as publisher:
        consumer = broker.consumer(frozenset({"cpu"}))

        def has_come() -> bool:
            pulled.extend(delivery.hint for delivery in consumer.pull(max_messages=1, timeout_seconds=1))
            return bool(pulled)

        wait_until(lambda: _is_published(publisher, hint), what="the broker takes the hint")
        wait_until(has_come, what="the hint comes")

    assert pulled == [hint]


def _is_published(publisher: Publisher, hint: Hint) -> bool:
    try:
        publisher.publish([hint])
    except Unavailable:  # not connected yet, or no consumer has made the queue
        return False
    return True


def test_connections_of_the_pool_are_used_again(box: Box) -> None:
    with box.database(box.authority.client("gpu1"), database_pool_size=1) as database:
        for _ in range(20):
            database.ping()

    wait_until(lambda: bool(box.proxy.requests), what="the link is logged")
    assert len(box.proxy.requests) == 1


def test_a_link_is_logged_with_the_name_of_its_client(box: Box) -> None:
    with box.database(box.authority.client("gpu1")) as database:
        database.ping()

    wait_until(lambda: bool(box.proxy.requests), what="the link is logged")

    link = box.proxy.requests[0]
    assert (link["event"], link["certificate"], link["name"]) == ("worker_link", "CN=gpu1", "database.qserver")


def test_a_certificate_of_another_authority_is_turned_away(box: Box, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger").client("gpu1")

    assert is_turned_away(box, stranger)


def test_the_certificate_of_a_server_is_no_certificate_of_a_client(box: Box) -> None:
    server = box.authority.worker_endpoint()
    own = Certificate(server.certificate, box.proxy.folder / "copy.key")
    own.key.write_bytes(server.key.read_bytes())
    own.key.chmod(0o600)

    assert is_turned_away(box, own)


def test_an_expired_certificate_is_turned_away(box: Box) -> None:
    assert is_turned_away(box, box.authority.expired("gpu1", "clientAuth"))


def test_a_revoked_certificate_is_turned_away_without_a_restart(box: Box) -> None:
    lost, kept = box.authority.client("lost"), box.authority.client("kept")
    assert not is_turned_away(box, lost)

    box.authority.revoke("lost")
    box.mount()

    wait_until(lambda: is_turned_away(box, lost), timeout_seconds=60, what="the revoked certificate is turned away")
    assert not is_turned_away(box, kept)


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


def test_a_name_that_can_not_be_looked_up_is_an_error_that_passes(box: Box) -> None:
    url = "postgresql+psycopg://postgres@box.invalid:5443/qserver"

    with (
        box.database(box.authority.client("gpu1"), database_url=url) as database,
        pytest.raises(Unavailable, match=r"the name box\.invalid can't be looked up"),
    ):
        database.ping()


def test_the_endpoint_is_off_unless_it_is_turned_on(start_proxy: StartProxy) -> None:
    proxy = start_proxy()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.worker_port), timeout=30)


@pytest.mark.parametrize("name", ["worker-endpoint.crt", "worker-endpoint.key", "ca.crt", "ca.crl"])
def test_a_missing_file_of_the_endpoint_stops_the_start(make_proxy: StartProxy, tmp_path: Path, name: str) -> None:
    proxy = make_proxy(QSERVER_WORKER_ENDPOINT="on")
    authority = Authority(tmp_path / "authority")
    authority.worker_endpoint()
    shutil.copytree(authority.proxy_folder, proxy.certs, copy_function=put, dirs_exist_ok=True)
    (proxy.certs / name).unlink()

    proxy.launch()
    wait_until(lambda: not proxy.is_alive, what="the proxy gives up")

    assert proxy.sentences[-1].startswith("qserver-proxy: QSERVER_WORKER_ENDPOINT is on, but ")
    assert f"{proxy.certs}/{name}" in proxy.sentences[-1]
    assert proxy.sentences[-1].endswith("run certs/private-ca.sh worker-endpoint on the host")


@pytest.mark.timeout(300)  # services start, a link is cut, leases run out
def test_a_worker_elsewhere_runs_jobs_and_a_lost_link_loses_none(box: Box) -> None:
    worker = box.environment(box.authority.client("gpu1"))
    deployment = Deployment(box.database_url, box.broker_url, workers=1, worker_environment=worker)
    with closing(deployment):
        deployment.start()
        with grpc.insecure_channel(deployment.grpc_address) as channel:
            before = [submit(channel) for _ in range(20)]
            box.proxy.stop()
            during = [submit(channel) for _ in range(20)]
            box.proxy.start()
            wait_until(
                lambda: {_status(deployment, job_id) for job_id in before + during} == {JobStatus.FINISHED},
                timeout_seconds=90,
                what="every job is finished",
            )
        deployment.stop()

        assert deployment.faults_in_logs() == []


def _status(deployment: Deployment, job_id: str) -> str:
    return str(httpx.get(f"{deployment.http_url}/api/v1/job/{job_id}", timeout=30).json()["status"])
