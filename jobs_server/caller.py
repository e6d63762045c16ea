"""Who asks: found out by the interceptor, read once by each RPC, and handed inwards as a value from there."""

from collections.abc import Iterable, Sequence
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

Metadata = Iterable[tuple[str, str | bytes]]


def visitor_of(peer: str, metadata: Metadata, trusted: Sequence[Network]) -> Visitor:
    """Read who asks to come in: what a trusted proxy says of its client, what the connection says of anybody else.

    Raises Unauthenticated for an `authorization` that is none.
    """
    told = {key: str(value) for key, value in metadata if key in {REAL_ADDRESS, SCHEME, AUTHORIZATION}}
    host = _host(peer)
    # A Unix socket is there for our own rest_api alone, in a folder that nobody else may enter.
    is_trusted = peer.startswith(UNIX) or is_within(host, trusted)
    address = told.get(REAL_ADDRESS, "")
    return Visitor(
        credential=credential_of(told.get(AUTHORIZATION)),
        address=plain_address(address if is_trusted and parsed_address(address) else host or peer),
        is_encrypted=is_trusted and told.get(SCHEME) == "https",
    )


def _host(peer: str) -> str:
    """Take the address out of `ipv4:127.0.0.1:50000` or `ipv6:%5B::1%5D:50000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
