"""Tokens of an OpenID Connect issuer, as the second way in."""

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from threading import Lock
from typing import Any, Final, cast
from urllib.request import urlopen

import jwt
import structlog

from qserver.access.directory import TokenHolder
from qserver.errors import Unauthenticated, Unavailable
from qserver.identity import Role
from qserver.settings import AccessSettings

_log = structlog.get_logger(__name__)

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key of the issuer's own. None of those by a shared secret: our public keys would do as one."""

_LEEWAY_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 5.0
"""So long an issuer that didn't answer is not asked again: whoever waits for it keeps a thread that others need."""

_MAX_DISCOVERY_BYTES: Final = 256 * 1024
_MAX_NAME_LENGTH: Final = 150
_MAX_SUBJECT_LENGTH: Final = 255  # OpenID Connect Core 1.0, section 2
_UNSHOWABLE: Final = re.compile(r"[^\w @.+,'-]")


_NO_ANSWER: Final = (OSError, HTTPException, ValueError)
"""What reading from an issuer raises: connections that fail or break off, what is no HTTP, and what is no JSON."""


class _Outage:
    """Remembers for a while that the issuer didn't answer."""

    def __init__(self) -> None:
        self._ends_at_seconds = 0.0

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self._ends_at_seconds

    def begin(self) -> None:
        self._ends_at_seconds = time.monotonic() + _PAUSE_SECONDS


class _IssuerKeys(jwt.PyJWKClient):
    """The issuer's keys, which are not asked for while it is known to be away."""

    def __init__(self, url: str, *, timeout_seconds: float, outage: _Outage) -> None:
        super().__init__(url, timeout=timeout_seconds)
        self._outage = outage

    def fetch_data(self) -> Any:  # noqa: ANN401 - PyJWT's own
        if self._outage.is_on:
            raise jwt.PyJWKClientConnectionError("it didn't answer a moment ago")
        try:
            return super().fetch_data()
        except jwt.PyJWKClientConnectionError:
            self._outage.begin()
            raise
        except _NO_ANSWER as error:  # PyJWT knows only of connections that fail before there is an answer
            self._outage.begin()
            raise jwt.PyJWKClientConnectionError(f"its answer broke off, or is none: {error}") from error


class OidcVerifier:
    """Reads tokens by the issuer's published keys, which are fetched when first needed and kept for a while."""

    def __init__(self, settings: AccessSettings) -> None:
        """Take tokens of `oidc_issuer` that are meant for `oidc_audience`."""
        self._settings = settings
        self._lock = Lock()
        self._outage = _Outage()
        self._keys: jwt.PyJWKClient | None = None

    def verify(self, token: str) -> TokenHolder:
        """Read a token: signature, issuer, audience, times, and the role that its claims give.

        Raises Unauthenticated with the reason for one that isn't good, Unavailable where the issuer doesn't answer.
        """
        try:
            jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise Unauthenticated("the key or token is neither a key of this service nor a token") from error
        try:
            claims = self._claims(token)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError) as error:
            raise self._unavailable(error) from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token is not good: {error}") from error
        return self._holder(claims)

    def _claims(self, token: str) -> Mapping[str, object]:
        key = self._key_client().get_signing_key_from_jwt(token)
        claims: Mapping[str, object] = jwt.decode(
            token,
            key,
            algorithms=list(_ALGORITHMS),
            audience=self._settings.oidc_audience,
            issuer=self._settings.oidc_issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
        return claims

    def _key_client(self) -> jwt.PyJWKClient:
        with self._lock:
            if self._keys is None:
                url = self._settings.oidc_jwks_url or self._discover()
                self._keys = _IssuerKeys(url, timeout_seconds=self._settings.oidc_timeout_seconds, outage=self._outage)
            return self._keys

    def _discover(self) -> str:
        """Ask the issuer where its keys are (OpenID Connect Discovery 1.0, section 4)."""
        if self._outage.is_on:
            raise self._unavailable(ConnectionError("it didn't answer a moment ago"))
        url = f"{self._settings.oidc_issuer}/.well-known/openid-configuration"
        try:
            # The setting takes https alone, and http on this machine.
            with urlopen(url, timeout=self._settings.oidc_timeout_seconds) as answer:  # noqa: S310
                document = json.loads(answer.read(_MAX_DISCOVERY_BYTES))
        except _NO_ANSWER as error:
            self._outage.begin()
            raise self._unavailable(error) from error
        found = document.get("jwks_uri") if isinstance(document, dict) else None
        if not isinstance(found, str) or str(document.get("issuer")).rstrip("/") != self._settings.oidc_issuer:
            raise self._unavailable(ValueError("its discovery document names another issuer or no keys"))
        return found

    def _unavailable(self, error: Exception) -> Unavailable:
        _log.warning("oidc_issuer_missing", issuer=self._settings.oidc_issuer, error=str(error))
        return Unavailable(f"the issuer of tokens, {self._settings.oidc_issuer}, doesn't give its keys; try again")

    def _holder(self, claims: Mapping[str, object]) -> TokenHolder:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT_LENGTH:
            raise Unauthenticated(f"the token's subject must be a text of at most {_MAX_SUBJECT_LENGTH} characters")
        words = _words(claims, self._settings.oidc_role_claim)
        role = self._role(words)
        if role is None:
            raise Unauthenticated(
                f"the token gives its bearer no role here: its claim {self._settings.oidc_role_claim} holds none of "
                f"{', '.join(self._roles())}"
            )
        return TokenHolder(
            subject=f"{self._settings.oidc_issuer}|{subject}",
            name=_name(claims.get(self._settings.oidc_name_claim)) or _name(subject) or "unnamed",
            role=role,
            issued_at=_moment(claims, "iat"),
            expires_at=_moment(claims, "exp") + timedelta(seconds=_LEEWAY_SECONDS),
        )

    def _roles(self) -> Mapping[str, Role]:
        settings = self._settings
        return {
            settings.oidc_admin_role: Role.ADMIN,
            settings.oidc_user_role: Role.USER,
            settings.oidc_viewer_role: Role.VIEWER,
        }

    def _role(self, words: frozenset[str]) -> Role | None:
        """Give the highest role that the claim names, else the default."""
        named = (role for word, role in self._roles().items() if word in words)
        default = self._settings.oidc_default_role
        return next(named, Role(default) if default else None)


def _name(claim: object) -> str:
    """Take what lists, logs and paths can show of a name; empty where that is nothing."""
    return "" if not isinstance(claim, str) else _UNSHOWABLE.sub("", claim).strip(" .")[:_MAX_NAME_LENGTH]


def _moment(claims: Mapping[str, object], name: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(cast("float", claims[name])), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unauthenticated(f"the token's {name} is no moment of this era") from error


def _words(claims: Mapping[str, object], path: str) -> frozenset[str]:
    """Read a claim that is a word, words parted by spaces, or a list of words; a dot leads into an object."""
    found: object = claims
    for member in path.split("."):
        found = found.get(member) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset(found.split())
    return frozenset(word for word in found if isinstance(word, str)) if isinstance(found, list) else frozenset()
