"""A request before anybody knows who sent it."""

from dataclasses import dataclass, field

from qserver.addresses import is_loopback
from qserver.errors import Unauthenticated

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a door saw of a request. The credential is left out where it is shown."""

    credential: str = field(default="", repr=False)  # a key or a token; empty where none was sent
    address: str = ""  # IP address, as a trusted proxy or the connection itself says it; empty where there is none
    is_encrypted: bool = False  # whether it came by TLS, to us or to a trusted proxy

    @property
    def is_local(self) -> bool:
        """Whether it comes from this very machine."""
        return is_loopback(self.address)


def credential_of(header: str | None) -> str:
    """Take the key or token out of an `Authorization` header; empty where there is no header.

    Raises Unauthenticated for any other scheme than Bearer, and for one without a word behind it.
    """
    if header is None:
        return ""
    scheme, _, credential = header.strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() != _SCHEME or not credential:
        raise Unauthenticated("the Authorization header must be 'Bearer ' and a key or token")
    return credential
