"""The way in for workers on other machines: only with a certificate of ours, and only to broker and database."""

import shutil
import socket
from contextlib import closing
from pathlib import Path
from queue import Queue
from uuid import uuid4

import grpc
import httpx
import pytest

from database.changes import Change, ChangeKind
from qserver.broker import Hint, Publisher
from qserver.errors import Unavailable
from qserver.jobs import JobStatus
from tests.acceptance.deployment import Deployment
from tests.certificates import Authority, put
from tests.integration.proxy.box import Box
from tests.integration.proxy.calls import submit
from tests.integration.proxy.conftest import StartProxy
from tests.waiting import wait_until


def test_the_database_is_reached_with_a_certificate(box: Box) -> None:
    news: Queue[Change] = Queue()
    with box.database(box.authority.client("gpu1")) as database:
        database.upgrade()
        subscription = database.changes.subscribe(news.put, {ChangeKind.WORK})
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
