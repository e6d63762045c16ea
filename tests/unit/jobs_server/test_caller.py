"""Where a caller is: a proxy is believed only where it is named."""

from ipaddress import ip_network

import pytest

from jobs_server.caller import address_of

TRUSTED = (ip_network("172.18.0.0/27"), ip_network("fd00::/64"))
TOLD = (("user-agent", "x"), ("x-real-ip", "192.0.2.7"))


@pytest.mark.parametrize("peer", ["ipv4:172.18.0.30:4711", "ipv6:%5Bfd00::1%5D:4711"])
def test_a_trusted_proxy_is_believed(peer: str) -> None:
    assert address_of(peer, TOLD, TRUSTED) == "192.0.2.7"


@pytest.mark.parametrize(
    "peer", ["ipv4:172.18.0.32:4711", "ipv4:127.0.0.1:1", "ipv6:%5B::1%5D:1", "unix:/a", "unknown"]
)
def test_anybody_else_is_who_they_are(peer: str) -> None:
    assert address_of(peer, TOLD, TRUSTED) == peer


def test_nobody_is_trusted_by_default() -> None:
    assert address_of("ipv4:127.0.0.1:1", TOLD, ()) == "ipv4:127.0.0.1:1"


@pytest.mark.parametrize("told", ["", "everywhere", "192.0.2.7, 10.0.0.1", b"192.0.2.7\xff"])
def test_what_is_no_address_is_not_believed(told: str | bytes) -> None:
    assert address_of("ipv4:172.18.0.30:1", [("x-real-ip", told)], TRUSTED) == "ipv4:172.18.0.30:1"


def test_a_proxy_that_tells_nothing_is_the_peer() -> None:
    assert address_of("ipv4:172.18.0.30:1", (), TRUSTED) == "ipv4:172.18.0.30:1"
