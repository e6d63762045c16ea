"""Which authenticator the settings ask for."""

import pytest

from qserver.access.opening import open_authenticator
from qserver.errors import SettingsError
from qserver.settings import AccessSettings
from tests.unit.access.people import FakeDirectory


def is_required(auth: str, host: str) -> bool:
    settings = AccessSettings.model_validate({"auth": auth})
    return open_authenticator(settings, FakeDirectory(), host=host, variable="QSERVER_GRPC_HOST").is_required


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "::1", "[::1]"])
def test_on_this_machine_alone_nobody_is_asked_by_default(host: str) -> None:
    assert not is_required("local", host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "box.example.org"])  # noqa: S104
def test_anywhere_else_a_service_refuses_to_listen_without_a_word_about_keys(host: str) -> None:
    with pytest.raises(SettingsError, match=rf"QSERVER_GRPC_HOST is {host}, .* set QSERVER_AUTH to required"):
        is_required("local", host)


def test_that_word_may_be_either() -> None:
    assert is_required("required", "0.0.0.0")  # noqa: S104
    assert not is_required("off", "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize(
    "values",
    [
        {"oidc_issuer": "http://id.example.org", "oidc_audience": "qserver"},
        {"oidc_issuer": "http://127.0.0.1.example.org", "oidc_audience": "qserver"},
        {"oidc_issuer": "id.example.org", "oidc_audience": "qserver"},
        {"oidc_issuer": "https://id.example.org"},
        {"oidc_jwks_url": "http://id.example.org/keys"},
        {"anonymous_from": "192.168.7.1/24"},
        {"auth": "on"},
    ],
)
def test_what_would_let_anybody_in_is_no_setting(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"oidc|anonymous_from|auth"):
        AccessSettings.model_validate(values)
