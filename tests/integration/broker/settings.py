"""What a broker on RabbitMQ is told."""

from pydantic import SecretStr

from qserver.settings import BrokerSettings


def settings(url: str, *, timeout_seconds: float = 10.0, heartbeat_seconds: int = 30) -> BrokerSettings:
    return BrokerSettings(
        broker_url=SecretStr(url),
        broker_timeout_seconds=timeout_seconds,
        broker_heartbeat_seconds=heartbeat_seconds,
    )
