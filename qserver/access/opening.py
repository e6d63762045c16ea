"""Which authenticator the settings ask for, at a door that listens on some address."""

from qserver.access.authenticator import Authenticator
from qserver.access.directory import Directory
from qserver.access.tokens import OidcVerifier
from qserver.addresses import is_loopback
from qserver.errors import SettingsError
from qserver.settings import AccessSettings

_LOCAL_NAMES = frozenset({"localhost", "localhost."})


def open_authenticator(settings: AccessSettings, directory: Directory, *, host: str, variable: str) -> Authenticator:
    """Make the authenticator of a door that listens on `host`, which `variable` sets.

    Raises SettingsError where nobody would be asked for a key and other machines could come in.
    """
    if settings.auth == "local" and not _is_loopback(host):
        raise SettingsError(
            f"{variable} is {host}, where other machines can come in, and nobody would be asked for a key: set "
            "QSERVER_AUTH to required, or to off on a network that you trust"
        )
    tokens = OidcVerifier(settings) if settings.oidc_issuer else None
    return Authenticator(settings, directory, is_required=settings.auth == "required", tokens=tokens)


def _is_loopback(host: str) -> bool:
    return is_loopback(host.strip("[]")) or host.lower() in _LOCAL_NAMES
