"""The broker of the deployed form: RabbitMQ 3.10 or newer."""

import threading

import pika

from qserver.broker.consumer import RabbitMQConsumer
from qserver.broker.link import Link
from qserver.broker.publisher import RabbitMQPublisher
from qserver.errors import SettingsError
from qserver.settings import BrokerSettings
from qserver.tls import client_tls


def connection_parameters(settings: BrokerSettings) -> pika.connection.Parameters:
    """Read the AMQP URL. Raises SettingsError, without the URL in it: it holds the password."""
    try:
        parameters = pika.URLParameters(settings.broker_url.get_secret_value())
        parameters.heartbeat = settings.broker_heartbeat_seconds
        parameters.socket_timeout = settings.broker_timeout_seconds
        parameters.stack_timeout = settings.broker_timeout_seconds
        parameters.credentials = _credentials(parameters.credentials, settings)
    except ValueError:
        raise SettingsError("QSERVER_BROKER_URL is no AMQP URL such as amqp://user:password@host:5672/%2F") from None
    tls = client_tls(
        "QSERVER_BROKER_TLS",
        authority=settings.broker_tls_ca,
        certificate=settings.broker_tls_certificate,
        key=settings.broker_tls_key,
        server_name=settings.broker_tls_server_name,
    )
    if tls is not None:
        if parameters.ssl_options is None:
            raise SettingsError("QSERVER_BROKER_URL begins with amqp; with QSERVER_BROKER_TLS_CA it must be amqps")
        parameters.ssl_options = pika.SSLOptions(tls.context, server_hostname=tls.server_name or parameters.host)
    return parameters


def _credentials(
    found: pika.PlainCredentials | pika.credentials.ExternalCredentials, settings: BrokerSettings
) -> pika.PlainCredentials | pika.credentials.ExternalCredentials:
    """Put what the settings name in the place of what the URL says."""
    user, password = settings.broker_user, settings.broker_password.get_secret_value()
    if isinstance(found, pika.PlainCredentials):
        user, password = user or str(found.username), password or str(found.password)
    return pika.PlainCredentials(user, password) if user else found


class RabbitMQBroker:
    """One link for all publishers and one for each consumer: a publisher held up by flow control holds up no taking."""

    def __init__(self, settings: BrokerSettings) -> None:
        """Begin to connect in the background; RabbitMQ may come up later."""
        self._parameters = connection_parameters(settings)
        self._timeout_seconds = settings.broker_timeout_seconds
        self._declares = settings.broker_declares
        self._link = self._new_link()
        self._consumers: list[RabbitMQConsumer] = []
        self._lock = threading.Lock()

    def publisher(self) -> RabbitMQPublisher:
        """Make a publisher."""
        return RabbitMQPublisher(self._link)

    def consumer(self, routes: frozenset[str]) -> RabbitMQConsumer:
        """Make a consumer of these routes."""
        consumer = RabbitMQConsumer(self._new_link(), routes, declares=self._declares)
        with self._lock:
            self._consumers.append(consumer)
        return consumer

    def ping(self) -> None:
        """Open and close a channel. Raises Unavailable."""
        self._link.call(self._open_and_close_channel)

    def close(self) -> None:
        """Close all links. Safe to repeat."""
        with self._lock:
            consumers = list(self._consumers)
        for consumer in consumers:
            consumer.close()
        self._link.close()

    def _new_link(self) -> Link:
        return Link(self._parameters, timeout_seconds=self._timeout_seconds)

    async def _open_and_close_channel(self) -> None:
        channel = await (await self._link.connection()).open_channel()
        channel.close()
