"""Who asks: found out by the interceptor, read once by each RPC, and handed inwards as a value from there."""

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote

from qserver.identity import Identity

current_caller: ContextVar[Identity] = ContextVar("current_caller")
current_address: ContextVar[str] = ContextVar("current_address")
"""Where the caller is: `ipv4:192.0.2.1:50000` as gRPC says it, or the address alone that a trusted proxy saw."""

REAL_ADDRESS = "x-real-ip"


def address_of(
    peer: str, metadata: Iterable[tuple[str, str | bytes]], trusted: Sequence[IPv4Network | IPv6Network]
) -> str:
    """Give what a trusted proxy says of its client, the peer itself for anybody else."""
    told = next((value for key, value in metadata if key == REAL_ADDRESS), "")
    is_trusted = any(_is_in(_host(peer), network) for network in trusted)
    return str(told) if is_trusted and _is_address(str(told)) else peer


def _host(peer: str) -> str:
    """Take the address out of `ipv4:127.0.0.1:50000` or `ipv6:%5B::1%5D:50000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")


def _is_in(host: str, network: IPv4Network | IPv6Network) -> bool:
    return _is_address(host) and ip_address(host) in network


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
