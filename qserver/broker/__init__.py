"""The broker: says which job is next, and holds none. RabbitMQ's where services are deployed, memory in standalone."""

from urllib.parse import urlsplit

from qserver.broker.interface import Broker, Consumer, Delivery, Hint, Publisher, Tag
from qserver.broker.memory import MemoryBroker
from qserver.broker.rabbitmq import RabbitMQBroker
from qserver.errors import SettingsError
from qserver.settings import BrokerSettings

__all__ = ["Broker", "Consumer", "Delivery", "Hint", "MemoryBroker", "Publisher", "RabbitMQBroker", "Tag", "connect"]


def connect(settings: BrokerSettings) -> Broker:
    """Give the broker of `settings.broker_url`; a RabbitMQ need not be up yet. Raises SettingsError."""
    match urlsplit(settings.broker_url.get_secret_value()).scheme:
        case "amqp" | "amqps":
            return RabbitMQBroker(settings)
        case "memory":
            return MemoryBroker()
        case scheme:
            raise SettingsError(f"QSERVER_BROKER_URL begins with {scheme!r}; it must be amqp, amqps or memory")
