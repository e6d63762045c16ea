"""IP addresses as text: what doors, proxies and settings ask of them. What is no address is never within or local."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_IPV6_PREFIX: Final = 64  # what one household or one rented machine has
_REMEMBERED: Final = 1024


@lru_cache(_REMEMBERED)  # a call asks for that of its client five times
def parsed_address(text: str) -> Address | None:
    """Read an address; None where it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_within(text: str, networks: Iterable[Network]) -> bool:
    """Tell whether it is an address of one of the networks."""
    address = parsed_address(text)
    return address is not None and any(address in network for network in networks)


def is_loopback(text: str) -> bool:
    """Tell whether it is an address of this very machine."""
    address = parsed_address(text)
    return address is not None and address.is_loopback


def plain_address(text: str) -> str:
    """Write an IPv4 address that came by an IPv6 socket (::ffff:192.0.2.1) as what it is; anything else as it came."""
    address = parsed_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return text if mapped is None else str(mapped)


def network_of(text: str) -> str:
    """Give what counts as one client: the /64 of an IPv6 address, all of which one machine may have, else the text."""
    address = parsed_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, _IPV6_PREFIX), strict=False))
    return text
