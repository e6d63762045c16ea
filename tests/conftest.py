"""Servers for tests, real ones. A missing server is an error, never a skip: `make test` installs what is needed."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer

# The same examples each time, however slow the machine; `pytest --hypothesis-profile=default` searches for others.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make fuzz`: other examples each time, and many of them.
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("QSERVER_TEST_EXAMPLES", "2000")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")

# A shell starts what runs in the background with Ctrl-C ignored, and so would be the commands that tests press it for.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


Server = TypeVar("Server", PostgresServer, RabbitMQServer)


def started(make: Callable[[], Server]) -> Server:
    """Start a server, or another one with other ports: somebody may take one between our look and the server's bind."""
    first = make()
    try:
        first.start()
    except RuntimeError:
        first.close()
    else:
        return first
    second = make()
    try:
        second.start()
    except BaseException:
        second.close()
        raise
    return second


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of our own, shared by the session."""
    server = started(PostgresServer)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database of the test's own, as SQLAlchemy URL."""
    with postgres_server.empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMQServer]:
    """A RabbitMQ of our own, shared by the session."""
    server = started(RabbitMQServer)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RabbitMQServer) -> Iterator[str]:
    """An empty virtual host of the test's own, as AMQP URL."""
    with rabbitmq_server.empty_virtual_host() as url:
        yield url
