"""One jobs_server and one rest_api behind one proxy for all tests that break neither."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.deployment import Deployment
from tests.certificates import Authority
from tests.integration.proxy.box import Box
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from tests.servers.rabbitmq import RabbitMQServer

StartProxy = Callable[..., Proxy]


@pytest.fixture(scope="session")
def services(postgres_server: PostgresServer, rabbitmq_server: RabbitMQServer) -> Iterator[Deployment]:
    """The real edges, without a worker: jobs stay pending until somebody cancels them."""
    with postgres_server.empty_database() as database_url, rabbitmq_server.empty_virtual_host() as broker_url:
        deployment = Deployment(
            database_url, broker_url, workers=0, QSERVER_TRUSTED_PROXIES="127.0.0.0/8", QSERVER_INSPECTOR_SECONDS="90"
        )
        try:
            deployment.start()
            yield deployment
            deployment.stop()
        finally:
            deployment.close()


def upstreams(services: Deployment) -> dict[str, str]:
    """Give the settings of a proxy in front of these services."""
    return {
        "QSERVER_GRPC_UPSTREAM": services.grpc_address,
        "QSERVER_HTTP_UPSTREAM": f"127.0.0.1:{services.http_port}",
    }


@pytest.fixture(scope="session")
def proxy(services: Deployment) -> Iterator[Proxy]:
    """The proxy as it comes, with nothing set but where the services are."""
    server = Proxy(**upstreams(services))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def make_proxy() -> Iterator[StartProxy]:
    """Make a proxy of the test's own, not started yet. Its upstreams lead nowhere unless they are named."""
    made: list[Proxy] = []

    def make(**environment: str) -> Proxy:
        made.append(Proxy(**environment))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def start_proxy(make_proxy: StartProxy) -> StartProxy:
    """Make a proxy of the test's own and start it."""

    def start(**environment: str) -> Proxy:
        server = make_proxy(**environment)
        server.start()
        return server

    return start


@pytest.fixture
def box(
    make_proxy: StartProxy,
    tmp_path: Path,
    postgres_server: PostgresServer,
    rabbitmq_server: RabbitMQServer,
    postgres_database_url: str,
    rabbitmq_url: str,
) -> Box:
    """A box whose endpoint for workers is on."""
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
