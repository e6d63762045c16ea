"""One deployment for all acceptance tests that don't break it, gone when others begin."""

from collections.abc import Iterator

import pytest

from tests.acceptance.deployment import Deployment
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer
from tests.servers.standalone import Standalone


@pytest.fixture(scope="package")
def deployment(postgres_server: PostgresServer, rabbitmq_server: RabbitMQServer) -> Iterator[Deployment]:
    """The real services on real servers, running. At the end their logs must be clean and SIGTERM must end them."""
    with postgres_server.empty_database() as database_url, rabbitmq_server.empty_virtual_host() as broker_url:
        services = Deployment(database_url, broker_url)
        try:
            services.start()
            yield services
            services.stop()
            assert services.faults_in_logs() == []
        finally:
            services.close()


@pytest.fixture
def own_deployment(postgres_database_url: str, rabbitmq_url: str) -> Iterator[Deployment]:
    """Services for a test that kills some of them; not started yet."""
    services = Deployment(postgres_database_url, rabbitmq_url)
    try:
        yield services
    finally:
        services.close()


@pytest.fixture(scope="package")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """A standalone server for tests of what talks to it, which break nothing."""
    server = Standalone(tmp_path_factory.mktemp("box") / "data")
    try:
        server.start()
        yield server
    finally:
        server.close()
