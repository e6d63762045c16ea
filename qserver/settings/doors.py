"""Who comes in, and where: gRPC, HTTP, proxies, keys and tokens."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from qserver.addresses import is_within
from qserver.settings.section import Names, Networks, Section

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")


class JobsServerSettings(Section):
    """gRPC ingest."""

    grpc_host: str = Field(default="127.0.0.1", description="address to listen on")
    grpc_port: int = Field(default=50051, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    grpc_calls: int = Field(
        default=4000, ge=1, description="calls under way at once, watchers among them; more are refused"
    )
    grpc_drain_seconds: float = Field(default=10.0, ge=0, description="time for open calls to end when stopping")
    grpc_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="port of the Prometheus metrics of jobs_server; 0 serves none"
    )
    commit_delay_seconds: float = Field(
        default=0.0, ge=0, le=1, description="wait for company in a shared transaction while none is under way"
    )


class RestApiSettings(Section):
    """HTTP."""

    http_host: str = Field(default="127.0.0.1", description="address to listen on")
    http_port: int = Field(default=8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    http_allowed_hosts: Names = Field(
        default=("127.0.0.1", "localhost", "[::1]"), description="Host headers that are answered; * for all"
    )
    jobs_server_address: str = Field(
        default="127.0.0.1:50051", description="gRPC address that submissions are forwarded to"
    )
    advertised_grpc_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port of gRPC that clients are told; 0: the one they came by, as at the proxy",
    )
    event_streams: int = Field(default=1000, ge=1, description="open event streams at once")

    @field_validator("jobs_server_address")
    @classmethod
    def _has_host_and_port(cls, address: str) -> str:
        """Refuse what gRPC would take for a name without a port, and never reach."""
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"is {address!r}; it must be host:port, such as 127.0.0.1:50051")
        return address


class ProxySettings(Section):
    """Who stands in front of both edges."""

    trusted_proxies: Networks = Field(
        default=(), description="networks of proxies, which are believed what they say of a client's address"
    )


class AccessSettings(Section):
    """Who may come in."""

    auth: Literal["required", "off", "local"] = Field(
        default="local",
        description="required asks everybody for a key; off asks nobody, for a trusted network; local asks nobody and "
        "refuses to listen anywhere but on this machine; compose.yml says required where .env says nothing",
    )
    anonymous_from: Networks = Field(
        default=(), description="networks whose requests without a key belong to the user anonymous, never an admin"
    )
    cleartext_keys: bool = Field(
        default=False, description="whether keys are taken from other machines without TLS, where others can read them"
    )
    key_cache_seconds: float = Field(default=5.0, ge=0, le=60, description="a good key is looked at anew after this")
    key_failures_per_minute: int = Field(
        default=30, ge=0, description="wrong keys an address may send in a minute; 0 for any number"
    )
    max_keys_per_user: int = Field(
        default=100, ge=0, description="keys of one user, an administrator too, that were not revoked; 0 for any number"
    )
    admin_key: SecretStr = Field(
        default=SecretStr(""),
        description="the administrator's first key, which `python -m database prepare` stores; `make env` makes it",
    )
    oidc_issuer: str = Field(default="", description="URL of the OpenID Connect issuer of tokens; empty takes none")
    oidc_audience: str = Field(
        default="",
        validate_default=True,
        description="who a token must be meant for, such as this service's client id",
    )
    oidc_jwks_url: str = Field(default="", description="where the issuer's keys are; empty asks the issuer")
    oidc_name_claim: str = Field(default="preferred_username", description="claim with the user's name")
    oidc_role_claim: str = Field(
        default="roles", description="claim with the user's roles; a dot leads into an object: realm_access.roles"
    )
    oidc_admin_role: str = Field(default="qserver-admin", description="value of that claim for the role admin")
    oidc_user_role: str = Field(default="qserver-user", description="value of that claim for the role user")
    oidc_viewer_role: str = Field(default="qserver-viewer", description="value of that claim for the role viewer")
    oidc_default_role: Literal["user", "viewer", ""] = Field(
        default="", description="role of users whom the claim gives none; empty refuses them"
    )
    oidc_key_days: float = Field(
        default=90.0, ge=0, description="longest life of a key of a user who comes by tokens; 0 for any"
    )
    oidc_timeout_seconds: float = Field(default=5.0, gt=0, le=60, description="wait for the issuer's keys")

    def is_anonymous(self, address: str) -> bool:
        """Tell whether requests from an address may come without a key."""
        return is_within(address, self.anonymous_from)

    @field_validator("oidc_issuer", "oidc_jwks_url")
    @classmethod
    def _is_secure(cls, url: str) -> str:
        """Refuse cleartext: whoever is between could hand out keys of their own."""
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if url and not (is_local or (parts.scheme == "https" and parts.hostname)):
            raise ValueError(f"is {url!r}; it must begin with https://")
        return url.rstrip("/")

    @field_validator("oidc_audience")
    @classmethod
    def _is_meant_for_us(cls, audience: str, info: ValidationInfo) -> str:
        """Refuse to take every token of an issuer, whoever it was made for."""
        if info.data.get("oidc_issuer") and not audience:
            raise ValueError("is empty; with QSERVER_OIDC_ISSUER it must say who tokens are meant for")
        return audience
