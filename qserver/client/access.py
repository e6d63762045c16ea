"""How a client gets in: which server, by which key, trusting whom. Said by arguments, the environment, or `login`."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qserver.client.key_file import KeyFile, default_key_file
from qserver.client.server_address import ServerAddress, parse_address
from qserver.errors import SettingsError

_NO_SERVER = "no server is named: give its URL, set QSERVER_URL, or run `qserver login URL`"


@dataclass(frozen=True, slots=True)
class Access:
    """What every call needs. `grpc` is None where it is found out by asking the server over HTTP."""

    http: ServerAddress
    grpc: ServerAddress | None
    api_key: str | None = field(repr=False)
    ca: bytes | None = field(repr=False)  # PEM; None: the authorities that this machine trusts

    @property
    def authorization(self) -> tuple[tuple[str, str], ...]:
        """The header, or metadata, that says who calls; empty without a key."""
        return (("authorization", f"Bearer {self.api_key}"),) if self.api_key else ()


def find_access(
    url: str | None = None,
    *,
    api_key: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    grpc_url: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Access:
    """Put together what arguments say and, where they are silent, QSERVER_URL, QSERVER_API_KEY, QSERVER_CA and
    QSERVER_GRPC_URL, and at last what `qserver login` kept.

    Raises SettingsError where no server is named, an address, the key or the authority's file can't be read, or a key
    would leave this machine in cleartext.
    """  # noqa: D205 - four names don't fit into one line
    known = os.environ if environment is None else environment
    keys = KeyFile(default_key_file(known))
    found_url = url or known.get("QSERVER_URL") or keys.last_server()
    if not found_url:
        raise SettingsError(_NO_SERVER)
    kept = keys.login_of(parse_address(found_url).url)
    return access_of(
        found_url,
        api_key=api_key or known.get("QSERVER_API_KEY") or kept.key,
        ca=ca or known.get("QSERVER_CA") or kept.ca,
        grpc_url=grpc_url or known.get("QSERVER_GRPC_URL"),
    )


def access_of(
    url: str,
    *,
    api_key: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    grpc_url: str | None = None,
) -> Access:
    """Take what is said here alone; what isn't said is none. Raises SettingsError as `find_access` does."""
    http = parse_address(url)
    key = _read_key(api_key or "")
    grpc = parse_address(grpc_url) if grpc_url else (http if http.is_secure else None)
    if key:
        for address in filter(None, (http, grpc)):
            _check_cleartext(address)
    return Access(http=http, grpc=grpc, api_key=key, ca=_read_authority(ca))


def _check_cleartext(address: ServerAddress) -> None:
    if not address.is_secure and not address.is_loopback:
        raise SettingsError(
            f"an API key for {address.url} would travel in cleartext: use https://, or an SSH tunnel to 127.0.0.1"
        )


def _read_key(text: str) -> str | None:
    """Take a key as a file of one line holds it. A message never shows it, right or wrong."""
    key = text.strip()
    if not key.isascii() or any(letter.isspace() or not letter.isprintable() for letter in key):
        raise SettingsError("the API key has a space, or a letter that no key has: was more copied than the key?")
    return key or None


def _read_authority(path: str | os.PathLike[str] | None) -> bytes | None:
    if not path:
        return None
    try:
        # What stands between certificates is anybody's words, in any encoding.
        text = Path(path).expanduser().read_bytes().decode("ascii", errors="ignore")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{path} holds no certificate in PEM form") from error
    except OSError as error:
        raise SettingsError(f"can't read the authority's certificate {path}: {error.strerror}") from error
    return text.encode()
