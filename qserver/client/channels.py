"""Connections to a server's gRPC, as blocking and as asyncio programs use them."""

import grpc
from grpc import aio

from qserver.client.access import Access
from qserver.client.patience import Patience
from qserver.client.server_address import ServerAddress


def open_channel(address: ServerAddress, access: Access, patience: Patience) -> grpc.Channel:
    """Prepare a channel; it connects with the first call."""
    options = _options(patience)
    if address.is_secure:
        return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(access.ca), options=options)
    return grpc.insecure_channel(address.target, options=options)


def open_async_channel(address: ServerAddress, access: Access, patience: Patience) -> aio.Channel:
    """Prepare a channel of the running event loop; it connects with the first call."""
    options = _options(patience)
    if address.is_secure:
        return aio.secure_channel(address.target, grpc.ssl_channel_credentials(access.ca), options=options)
    return aio.insecure_channel(address.target, options=options)


def _options(patience: Patience) -> tuple[tuple[str, int], ...]:
    return (
        # Statevectors, memory and probabilities pass gRPC's 4 MiB; the server bounds what it stores.
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        # A machine that slept holds a connection that nobody is at the other end of: probe it, then connect anew.
        ("grpc.keepalive_time_ms", round(patience.keepalive_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", round(patience.keepalive_seconds * 500)),
        (
            "grpc.http2.ping_timeout_ms",
            round(patience.keepalive_seconds * 500),
        ),  # else a minute, whatever stands above
        # gRPC would stop probing after two probes in which nothing else was sent: while somebody waits, that is always.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 1000),
        ("grpc.max_reconnect_backoff_ms", 5000),
        # Channels to the same address would share a connection, and so each other's fate.
        ("grpc.use_local_subchannel_pool", 1),
    )
