"""The same promises, kept by RabbitMQ."""

from tests.contracts.broker import BrokerContract


class TestRabbitMQBroker(BrokerContract):
    pass
