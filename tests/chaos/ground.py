"""What faults happen to: the services, and the servers that they stand on."""

import time
from dataclasses import dataclass
from typing import Protocol

from tests.chaos.site import Site
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer
from tests.servers.small_disk import SmallDisk


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a fault can reach. `disk` is None where this machine gives Postgres none of its own."""

    site: Site
    postgres: PostgresServer
    rabbitmq: RabbitMQServer
    disk: SmallDisk | None
    broker_url: str

    def number(self, query: str) -> int:
        """Ask the database for one number, past all links."""
        return next(iter(self.numbers(query)), 0)

    def numbers(self, query: str, *parameters: object) -> list[int]:
        """Ask the database for a column of numbers, past all links."""
        with self.postgres.connect(self.site.database_name) as connection:
            return [int(row[0]) for row in connection.execute(query.encode(), parameters)]


class Fault(Protocol):
    """A harm. It strikes, lasts, and is over when `strike` returns: from then on everything must mend by itself."""

    @property
    def name(self) -> str:
        """What happens, in few words."""

    def strike(self, ground: Ground) -> None:
        """Do it. May be done again and again."""


def last(seconds: float) -> None:
    """Let a harm last. Nothing is waited for: that time passes is what it does."""
    time.sleep(seconds)
