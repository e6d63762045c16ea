"""Harm to PostgreSQL and RabbitMQ."""

from dataclasses import dataclass
from typing import Literal

from tests.chaos.ground import Ground, last
from tests.waiting import wait_until

_FULL_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class PostgresStopped:
    """PostgreSQL ends in one of three ways, and is started again."""

    way: Literal["fast", "immediate", "killed"]

    @property
    def name(self) -> str:
        """What happens."""
        return f"PostgreSQL restarted ({self.way})"

    def strike(self, ground: Ground) -> None:
        """Stop and start it."""
        match self.way:
            case "fast":
                ground.postgres.restart()
            case "immediate":
                ground.postgres.restart(is_immediate=True)
            case "killed":
                ground.postgres.kill()
                ground.postgres.start()


@dataclass(frozen=True, slots=True)
class DiskFull:
    """The disk under PostgreSQL has no byte left for a while. A server that gives up is started again afterwards."""

    @property
    def name(self) -> str:
        """What happens."""
        return "the disk under PostgreSQL is full"

    def strike(self, ground: Ground) -> None:
        """Fill it until readiness tells, and free it again. Raises ValueError where Postgres has no disk of its own."""
        if ground.disk is None:
            raise ValueError("PostgreSQL has no disk of its own here")
        try:
            wait_until(lambda: _is_filled(ground), what="the disk is full")
            last(_FULL_SECONDS)
            wait_until(
                lambda: _is_filled(ground) and "database" in ground.site.missing_neighbours(),
                what="readiness names the database, whose disk is full",
            )
        finally:
            ground.disk.free()
        if not ground.postgres.is_alive:
            ground.postgres.kill()  # what it left behind
            ground.postgres.start()


def _is_filled(ground: Ground) -> bool:
    """Fill again what PostgreSQL frees meanwhile."""
    if ground.disk is None:
        return False
    ground.disk.fill()
    return ground.disk.free_bytes() == 0


@dataclass(frozen=True, slots=True)
class RabbitMQStopped:
    """RabbitMQ ends, in order or not, and is started again."""

    is_killed: bool

    @property
    def name(self) -> str:
        """What happens."""
        return f"RabbitMQ restarted ({'killed' if self.is_killed else 'in order'})"

    def strike(self, ground: Ground) -> None:
        """Stop and start it."""
        ground.rabbitmq.restart(is_killed=self.is_killed)


@dataclass(frozen=True, slots=True)
class RabbitMQEmptied:
    """RabbitMQ loses every message that waits in it, with or without the queues."""

    with_queues: bool

    @property
    def name(self) -> str:
        """What happens."""
        return "RabbitMQ loses all queues" if self.with_queues else "RabbitMQ loses all messages"

    def strike(self, ground: Ground) -> None:
        """Empty it."""
        rabbitmq = ground.rabbitmq
        for queue in rabbitmq.queues(ground.broker_url):
            if self.with_queues:
                rabbitmq.delete_queue(ground.broker_url, queue)
            else:
                rabbitmq.empty_queue(ground.broker_url, queue)
