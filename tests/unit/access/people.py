"""A directory in dictionaries, and people to be found in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from qserver.access.directory import KeyHolder, TokenHolder
from qserver.access.keys import hash_key, make_key
from qserver.errors import Unauthenticated
from qserver.identity import EVERYTHING, Identity, Permission, Role


@dataclass
class FakeDirectory:
    """Knows keys by their hashes, as the database does, and counts how often it is asked."""

    holders: dict[bytes, KeyHolder] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    looks: int = 0

    def find_key(self, key_hash: bytes) -> KeyHolder | None:
        """Find a key."""
        self.looks += 1
        return self.holders.get(key_hash)

    def take_in(self, holder: TokenHolder) -> Identity | None:
        """Know everybody but those who are disabled."""
        self.looks += 1
        return None if holder.subject in self.disabled else Identity(uuid4(), holder.name, holder.role)

    def issue(
        self,
        name: str,
        role: Role = Role.USER,
        *,
        scopes: frozenset[Permission] = EVERYTHING,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a key for somebody new."""
        key = make_key()
        self.holders[hash_key(key)] = KeyHolder(hash_key(key), Identity(uuid4(), name, role, scopes), expires_at)
        return key

    def revoke(self, key: str) -> None:
        """Forget a key."""
        del self.holders[hash_key(key)]


@dataclass
class FakeVerifier:
    """Takes the tokens that it was given."""

    tokens: dict[str, TokenHolder] = field(default_factory=dict)
    wait_for_issuer: Callable[[], object] = field(default=lambda: None)

    def verify(self, token: str) -> TokenHolder:
        """Find a token."""
        self.wait_for_issuer()
        if token not in self.tokens:
            raise Unauthenticated("the token is not good")
        return self.tokens[token]
