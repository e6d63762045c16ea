"""Who a caller is, before keys are looked at: a proxy is believed only where it is named."""

from ipaddress import ip_network

import pytest

from jobs_server.caller import visitor_of
from qserver.access.visitor import Visitor
from qserver.errors import Unauthenticated

TRUSTED = (ip_network("172.18.0.0/27"), ip_network("fd00::/64"))
TOLD = (("user-agent", "x"), ("x-real-ip", "192.0.2.7"), ("x-forwarded-proto", "https"))


@pytest.mark.parametrize("peer", ["ipv4:172.18.0.30:4711", "ipv6:%5Bfd00::1%5D:4711"])
def test_a_trusted_proxy_is_believed(peer: str) -> None:
    assert visitor_of(peer, TOLD, TRUSTED) == Visitor(address="192.0.2.7", is_encrypted=True)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:172.18.0.32:4711", "172.18.0.32"),
        ("ipv4:127.0.0.1:1", "127.0.0.1"),
        ("ipv6:%5B::1%5D:1", "::1"),
        ("unknown", "unknown"),
    ],
)
def test_anybody_else_is_who_they_are(peer: str, address: str) -> None:
    assert visitor_of(peer, TOLD, TRUSTED) == Visitor(address=address)


def test_who_comes_by_our_own_socket_is_believed() -> None:
    assert visitor_of("unix:", TOLD, ()) == Visitor(address="192.0.2.7", is_encrypted=True)


def test_an_ipv4_address_is_known_by_either_socket() -> None:
    assert visitor_of("ipv6:%5B::ffff:192.0.2.7%5D:4711", (), ()).address == "192.0.2.7"


def test_nobody_is_trusted_by_default() -> None:
    assert visitor_of("ipv4:127.0.0.1:1", TOLD, ()) == Visitor(address="127.0.0.1")


@pytest.mark.parametrize("told", ["", "everywhere", "192.0.2.7, 10.0.0.1", b"192.0.2.7\xff"])
def test_what_is_no_address_is_not_believed(told: str | bytes) -> None:
    assert visitor_of("ipv4:172.18.0.30:1", [("x-real-ip", told)], TRUSTED).address == "172.18.0.30"


def test_a_proxy_that_tells_nothing_is_the_peer() -> None:
    assert visitor_of("ipv4:172.18.0.30:1", (), TRUSTED) == Visitor(address="172.18.0.30")


@pytest.mark.parametrize("header", ["Bearer qserver_x", "bearer  qserver_x ", "BEARER qserver_x"])
def test_the_key_stands_behind_the_word_bearer(header: str) -> None:
    assert visitor_of("ipv4:127.0.0.1:1", [("authorization", header)], ()).credential == "qserver_x"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic cXNlcnZlcjp4", "qserver_x"])
def test_anything_else_is_told_how_it_should_look(header: str) -> None:
    with pytest.raises(Unauthenticated, match="must be 'Bearer ' and a key"):
        visitor_of("ipv4:127.0.0.1:1", [("authorization", header)], ())


def test_a_visitor_is_shown_without_the_key() -> None:
    assert "qserver_x" not in repr(Visitor(credential="qserver_x"))
