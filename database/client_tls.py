"""Postgres over TLS with a client certificate, through the box's endpoint for workers.

TLS begins with the first byte (`sslnegotiation=direct`), so that whoever stands in front of Postgres can choose by the
name asked for. libpq asks for the name in `host`, and connects to `hostaddr` where there is one: the name in the
certificate need not be that of the machine.
"""

import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import URL, Engine, event

from qserver.errors import SettingsError
from qserver.settings import DatabaseSettings
from qserver.tls import ClientTls, client_tls

_PREFIX: Final = "QSERVER_DATABASE_TLS"
_FIRST_DIRECT_LIBPQ: Final = 17_00_00
_DEFAULT_PORT: Final = 5432


def read_client_tls(settings: DatabaseSettings) -> ClientTls | None:
    """Read and check what the settings name; None where they name nothing. Raises SettingsError."""
    tls = client_tls(
        _PREFIX,
        authority=settings.database_tls_ca,
        certificate=settings.database_tls_certificate,
        key=settings.database_tls_key,
        server_name=settings.database_tls_server_name,
    )
    if tls is None:
        return None
    if psycopg.pq.version() < _FIRST_DIRECT_LIBPQ:
        raise SettingsError(f"{_PREFIX}_CA needs libpq 17 or newer, which psycopg[binary] brings")
    _require_private(tls.key)
    return tls


def tls_parameters(tls: ClientTls) -> Mapping[str, str]:
    """Give libpq's words for it."""
    return {
        "sslmode": "verify-full",
        "sslnegotiation": "direct",
        "sslrootcert": str(tls.authority),
        "sslcert": str(tls.certificate),
        "sslkey": str(tls.key),
        "gssencmode": "disable",
    }


def ask_for_server_name(engine: Engine, url: URL, server_name: str) -> None:
    """Have each new connection look up the URL's host, and ask there for `server_name`."""

    def look_up(_dialect: object, _record: object, _arguments: object, parameters: dict[str, str]) -> None:
        addresses = _addresses(url.host or "localhost", url.port or _DEFAULT_PORT)
        parameters["host"] = ",".join([server_name] * len(addresses))
        parameters["hostaddr"] = ",".join(addresses)

    event.listen(engine, "do_connect", look_up)


def _addresses(host: str, port: int) -> list[str]:
    """Give the addresses of a name. Raises the driver's own error, which callers know how to wait out."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise psycopg.OperationalError(f"the name {host} can't be looked up: {error.strerror}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _require_private(key: Path) -> None:
    """Say at the start what libpq would say at every attempt to connect."""
    status = key.stat()
    allowed = stat.S_IRWXU | (stat.S_IRGRP if status.st_uid == 0 else 0)
    if stat.S_IMODE(status.st_mode) & ~allowed:
        raise SettingsError(f"{_PREFIX}_KEY names {key}, which others may read: chmod 600 {key}")
