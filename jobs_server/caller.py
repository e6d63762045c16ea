"""Who asks: found out by the interceptor, read once by each RPC, and handed inwards as a value from there."""

from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from urllib.parse import unquote

from qserver.access.visitor import Visitor, credential_of
from qserver.addresses import Network, is_within, parsed_address, plain_address
from qserver.identity import Identity

current_caller: ContextVar[Identity] = ContextVar("current_caller")

REAL_ADDRESS = "x-real-ip"
SCHEME = "x-forwarded-proto"
AUTHORIZATION = "authorization"
UNIX = "unix:"

Metadata = Collection[tuple[str, str | bytes]]


def visitor_of(peer: str, metadata: Metadata, trusted: Sequence[Network]) -> Visitor:
    """Read who asks to come in: what a trusted proxy says of its client, what the connection says of anybody else.

    Raises Unauthenticated for an `authorization` that is none.
    """
    told = _told(metadata)
    return Visitor(
        credential=credential_of(told.get(AUTHORIZATION)),
        address=address_of(peer, metadata, trusted),
        is_encrypted=_is_trusted(peer, trusted) and told.get(SCHEME) == "https",
    )


def address_of(peer: str, metadata: Metadata, trusted: Sequence[Network]) -> str:
    """Read where a call comes from, as `visitor_of` does."""
    address = _told(metadata).get(REAL_ADDRESS, "")
    is_told = _is_trusted(peer, trusted) and parsed_address(address)
    return plain_address(address if is_told else _host(peer) or peer)


def _told(metadata: Metadata) -> Mapping[str, str]:
    return {key: str(value) for key, value in metadata if key in {REAL_ADDRESS, SCHEME, AUTHORIZATION}}


def _is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    # A Unix socket is there for our own rest_api alone, in a folder that nobody else may enter.
    return peer.startswith(UNIX) or is_within(_host(peer), trusted)


def _host(peer: str) -> str:
    """Take the address out of `ipv4:127.0.0.1:50000` or `ipv6:%5B::1%5D:50000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
