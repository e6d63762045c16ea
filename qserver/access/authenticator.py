"""From a request to a caller: by key, by token, by address, or because keys are off."""

import asyncio
import hmac
import math
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Final

import structlog

from qserver.access.directory import Directory, TokenVerifier
from qserver.access.failures import FailureLimit
from qserver.access.keys import hash_key, is_key, is_long_enough
from qserver.access.visitor import Visitor
from qserver.clock import Clock, SystemClock
from qserver.errors import PermissionDenied, Unauthenticated
from qserver.identity import ANONYMOUS, GUEST, Identity
from qserver.settings import AccessSettings

_log = structlog.get_logger(__name__)

_MAX_KNOWN: Final = 10_000
_LONG_AGO: Final = -math.inf
_TOKENS_AT_ONCE: Final = 2
"""Threads that look at tokens: one may wait for the issuer, and holders of keys must not wait with it."""

_MAX_CREDENTIAL_LENGTH: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class _Known:
    """A credential that was good when it was last looked at."""

    digest: bytes
    identity: Identity
    expires_at: datetime | None
    looked_at_seconds: float


class Authenticator:
    """Tells who a visitor is. Safe from every thread.

    Good credentials are remembered for QSERVER_KEY_CACHE_SECONDS, and forgotten at once when somebody says that keys or
    users changed. Wrong ones are counted against their address, and past the limit no token is looked at.
    """

    def __init__(
        self,
        settings: AccessSettings,
        directory: Directory,
        *,
        is_required: bool,
        tokens: TokenVerifier | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Ask `directory` for keys and, where tokens are taken, `tokens` for tokens.

        Without `is_required` everybody is the administrator `anonymous`, whatever they send.
        """
        self._settings = settings
        self._directory = directory
        self._is_required = is_required
        self._tokens = tokens
        self._clock = clock or SystemClock()
        self._failures = FailureLimit(settings.key_failures_per_minute, self._clock)
        self._token_turns = asyncio.Semaphore(_TOKENS_AT_ONCE)
        self._lock = Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._forgotten = 0  # times that all was forgotten

    @property
    def is_required(self) -> bool:
        """Whether anybody is asked who they are."""
        return self._is_required

    async def admit(self, visitor: Visitor) -> Identity:
        """Tell who a visitor is, without holding up the event loop. Raises as `identify` does."""
        identity = self._recall(visitor)
        if identity is None:
            identity = await self._in_thread(visitor, lambda: self._look_up(visitor))
        return replace(identity, address=visitor.address)

    async def admit_again(self, visitor: Visitor) -> Identity:
        """Tell who a visitor is by now who was let in before, as `admit` does.

        What has become worthless since is no guess, and isn't counted against the address.
        """
        identity = self._recall(visitor)
        if identity is None:
            credential = visitor.credential
            identity = await self._in_thread(visitor, lambda: self._look_at(credential, hash_key(credential)))
        return replace(identity, address=visitor.address)

    def identify(self, visitor: Visitor) -> Identity:
        """Tell who a visitor is; may block.

        Raises Unauthenticated where that can't be told, PermissionDenied for a key that came in cleartext,
        QuotaExceeded for an address that was wrong too often, Unavailable where the database doesn't answer.
        """
        return replace(self._recall(visitor) or self._look_up(visitor), address=visitor.address)

    def forget(self) -> None:
        """Look at every credential anew: keys or users changed."""
        with self._lock:
            self._forgotten += 1
            for digest, known in self._known.items():
                self._known[digest] = replace(known, looked_at_seconds=_LONG_AGO)

    async def _in_thread(self, visitor: Visitor, look: Callable[[], Identity]) -> Identity:
        is_token = self._tokens is not None and not is_key(visitor.credential)
        turn: AbstractAsyncContextManager[object] = self._token_turns if is_token else nullcontext()
        async with turn:
            return await asyncio.to_thread(look)

    def _recall(self, visitor: Visitor) -> Identity | None:
        """Tell what needs no look at the database; None for the rest."""
        if not self._is_required:
            return ANONYMOUS
        if not visitor.credential:
            return self._without_credential(visitor)
        self._check_channel(visitor)
        known = self._remembered(hash_key(visitor.credential))
        if known is None:
            return None
        identity = self._unexpired(known)
        return None if self._is_stale(known) else identity

    def _without_credential(self, visitor: Visitor) -> Identity:
        if self._settings.is_anonymous(visitor.address):
            return GUEST
        raise Unauthenticated("no key was given: send it as 'Authorization: Bearer <key>'")

    def _check_channel(self, visitor: Visitor) -> None:
        if not (visitor.is_encrypted or visitor.is_local or self._settings.cleartext_keys):
            raise PermissionDenied(
                "a key was sent in cleartext, where others can read it: use https, replace the key, and see "
                "QSERVER_CLEARTEXT_KEYS if this network is trusted"
            )

    def _remembered(self, digest: bytes) -> _Known | None:
        with self._lock:
            known = self._known.get(digest)
        return known if known is not None and hmac.compare_digest(known.digest, digest) else None

    def _is_stale(self, known: _Known) -> bool:
        age_seconds = self._clock.monotonic_seconds() - known.looked_at_seconds
        return age_seconds >= self._settings.key_cache_seconds

    def _unexpired(self, known: _Known) -> Identity:
        if known.expires_at is not None and known.expires_at <= self._clock.now():
            raise Unauthenticated(f"the key or token expired at {known.expires_at:%Y-%m-%d %H:%M:%S} UTC")
        return known.identity

    def _look_up(self, visitor: Visitor) -> Identity:
        digest = hash_key(visitor.credential)
        # Nobody guesses 256 bits: a key is looked at in any case, so that guesses from an address lock nobody out.
        if not is_long_enough(visitor.credential) and self._remembered(digest) is None:
            self._failures.check(visitor.address)
        try:
            return self._look_at(visitor.credential, digest)
        except Unauthenticated as error:
            self._failures.check(visitor.address)
            self._failures.count(visitor.address)
            _log.warning("credential_refused", address=visitor.address, why=error.message)
            raise

    def _look_at(self, credential: str, digest: bytes) -> Identity:
        forgotten = self._forgotten
        try:
            known = self._ask(credential, digest)
            identity = self._unexpired(known)
        except Unauthenticated:
            self._drop(digest)
            raise
        self._remember(known, forgotten)
        return identity

    def _ask(self, credential: str, digest: bytes) -> _Known:
        looked_at_seconds = self._clock.monotonic_seconds()
        if len(credential) > _MAX_CREDENTIAL_LENGTH:
            raise Unauthenticated(f"the key or token has more than {_MAX_CREDENTIAL_LENGTH:,} characters")
        if is_key(credential) or self._tokens is None:
            holder = self._directory.find_key(digest)
            if holder is None or not hmac.compare_digest(holder.key_hash, digest):
                raise Unauthenticated("the key is not known here, or it was revoked")
            identity = replace(holder.identity, expires_at=holder.expires_at)
            return _Known(digest, identity, holder.expires_at, looked_at_seconds)
        token = self._tokens.verify(credential)
        bearer = self._directory.take_in(token)
        if bearer is None:
            raise Unauthenticated(f"user {token.name} is disabled here")
        return _Known(digest, bearer, token.expires_at, looked_at_seconds)

    def _remember(self, known: _Known, forgotten: int) -> None:
        """Remember a credential; one that was read before all was forgotten, only as one to be looked at anew."""
        with self._lock:
            is_old = forgotten != self._forgotten
            self._known[known.digest] = replace(known, looked_at_seconds=_LONG_AGO) if is_old else known
            self._known.move_to_end(known.digest)
            if len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)

    def _drop(self, digest: bytes) -> None:
        with self._lock:
            self._known.pop(digest, None)
