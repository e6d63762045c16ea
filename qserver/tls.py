"""TLS with a client certificate: what a service shows to a server on another machine, and expects of it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from qserver.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ClientTls:
    """Three files in PEM form, checked, and the name that is asked for and expected in the server's certificate."""

    authority: Path
    certificate: Path
    key: Path
    server_name: str
    context: ssl.SSLContext


def client_tls(
    prefix: str, *, authority: Path | None, certificate: Path | None, key: Path | None, server_name: str
) -> ClientTls | None:
    """Read the files that the settings `prefix`_CA, _CERTIFICATE and _KEY name; None where all are empty.

    Raises SettingsError that names the setting at fault: one that is missing, or a file that can't be used.
    """
    if authority is None and certificate is None and key is None and not server_name:
        return None
    if authority is None or certificate is None or key is None:
        missing = {"CA": authority, "CERTIFICATE": certificate, "KEY": key}
        names = ", ".join(f"{prefix}_{name}" for name, path in missing.items() if path is None)
        raise SettingsError(f"{names}: not set; authority, certificate and key belong together")
    context = _trusting(prefix, authority)
    _show(context, prefix, certificate, key)
    return ClientTls(authority, certificate, key, server_name, context)


def _trusting(prefix: str, authority: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authority)
    except ssl.SSLError:
        raise SettingsError(f"{prefix}_CA names {authority}, which holds no certificate in PEM form") from None
    except OSError as error:
        raise SettingsError(f"{prefix}_CA names {authority}, which can't be read: {error.strerror}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _show(context: ssl.SSLContext, prefix: str, certificate: Path, key: Path) -> None:
    for name, path in (("CERTIFICATE", certificate), ("KEY", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError(f"{prefix}_{name} names {path}, which can't be read: {error.strerror}") from None
    try:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        raise SettingsError(
            f"{prefix}_CERTIFICATE and {prefix}_KEY: {certificate} and {key} are not a certificate and its key in"
            " PEM form, or the key wants a passphrase"
        ) from None
