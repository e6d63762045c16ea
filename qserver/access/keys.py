"""API keys: how one is made, and what is kept of it.

A key is 256 random bits, so that its SHA-256 alone is as good as unguessable: the slow hashes that passwords need would
add nothing but time to every request.
"""

import hashlib
import secrets
from typing import Final

PREFIX: Final = "qserver_"
"""What every key begins with, so that people and secret scanners know one when they see it."""

_SECRET_BYTES: Final = 32
_LEAST_LENGTH: Final = len(PREFIX) + 32


def make_key() -> str:
    """Make a new key: the prefix and 43 characters of `A-Za-z0-9_-`. Whoever gets it is its only holder."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def is_key(credential: str) -> bool:
    """Tell whether a credential is meant as a key of ours, rather than as a token of somebody else's."""
    return credential.startswith(PREFIX)


def is_long_enough(key: str) -> bool:
    """Tell whether a key that somebody wrote themselves may be one: a short one could be guessed."""
    return is_key(key) and len(key) >= _LEAST_LENGTH


def hash_key(credential: str) -> bytes:
    """Give what is kept of a key, or remembered of a token: 32 bytes, which can't be used as either."""
    return hashlib.sha256(credential.encode()).digest()
