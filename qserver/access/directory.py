"""What has to be known of keys and users: asked by the authenticator, kept by the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from qserver.identity import Identity, Role


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who a key that was not revoked belongs to, with what this key alone may do."""

    key_hash: bytes
    identity: Identity
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Who a token says that its bearer is. `subject` is unique and never changes; the rest may.

    A token that was issued later knows better.
    """

    subject: str
    name: str
    role: Role
    issued_at: datetime
    expires_at: datetime


class Directory(Protocol):
    """Knows users and keys. Blocks while it looks; raises Unavailable where it can't."""

    def find_key(self, key_hash: bytes) -> KeyHolder | None:
        """Find who a key belongs to, and remember that it was used.

        None where there is no such key, where it was revoked, and where its user is disabled.
        """

    def take_in(self, holder: TokenHolder) -> Identity | None:
        """Give the user that a token names, made or brought up to date; None where that user is disabled."""


class TokenVerifier(Protocol):
    """Knows whose tokens are good."""

    def verify(self, token: str) -> TokenHolder:
        """Read a token. Blocks while the issuer's keys are fetched.

        Raises Unauthenticated with the reason for one that isn't good, Unavailable where the issuer doesn't answer.
        """
