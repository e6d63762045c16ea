"""PostgreSQL and RabbitMQ of the bench's own, durable as in a deployment."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager

from bench.meter import Part
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer

_AS_DEPLOYED = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "default_toast_compression": "lz4",
}


class Servers:
    """Both servers, which run for as long as the bench does."""

    def __init__(self, postgres: PostgresServer, rabbitmq: RabbitMQServer) -> None:
        """Take servers that run."""
        self._postgres = postgres
        self._rabbitmq = rabbitmq

    @classmethod
    @contextmanager
    def started(cls) -> Iterator["Servers"]:
        """Run them for the time of the block."""
        with closing(PostgresServer(**_AS_DEPLOYED)) as postgres, closing(RabbitMQServer()) as rabbitmq:
            postgres.start()
            rabbitmq.start()
            yield cls(postgres, rabbitmq)

    @property
    def parts(self) -> Sequence[Part]:
        """The servers' processes."""
        return [Part("postgres", self._postgres.pid), Part("rabbitmq", self._rabbitmq.pid)]

    def empty_database(self) -> AbstractContextManager[str]:
        """Create a database for the time of a block; gives its SQLAlchemy URL."""
        return self._postgres.empty_database()

    def empty_virtual_host(self) -> AbstractContextManager[str]:
        """Create a virtual host for the time of a block; gives its AMQP URL."""
        return self._rabbitmq.empty_virtual_host()


def connection_string(database_url: str) -> str:
    """Turn SQLAlchemy's URL into what psycopg connects by."""
    return database_url.replace("postgresql+psycopg://", "postgresql://")
