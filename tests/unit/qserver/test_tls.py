"""Client certificates: what is wrong with them is said when a service starts, not at each attempt to connect."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from database.engine import create_database_engine
from qserver.broker.rabbitmq import connection_parameters
from qserver.errors import SettingsError
from qserver.settings import BrokerSettings, DatabaseSettings, load_settings
from tests.certificates import Authority, Certificate

Files = dict[str, Path | None]
Open = Callable[[Files, str], object]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.client("gpu1")
    return made


@pytest.fixture
def client(authority: Authority, tmp_path: Path) -> Certificate:
    """A worker's files that a test may spoil."""
    own = Certificate(tmp_path / "client.crt", tmp_path / "client.key")
    authority.client("gpu1").copy_to(own.certificate, own.key)
    own.key.chmod(0o600)
    return own


@pytest.fixture
def files(authority: Authority, client: Certificate, tmp_path: Path) -> Files:
    ca = tmp_path / "ca.crt"
    ca.write_bytes(authority.client_authority("gpu1").read_bytes())
    return {"ca": ca, "certificate": client.certificate, "key": client.key}


def open_broker(files: Files, server_name: str = "broker.qserver") -> object:
    settings = {f"broker_tls_{name}": path for name, path in files.items()}
    url = "amqps://guest:secret@127.0.0.1:1/%2F"
    return connection_parameters(
        BrokerSettings.model_validate({"broker_url": url, "broker_tls_server_name": server_name, **settings})
    )


def open_database(files: Files, server_name: str = "database.qserver") -> object:
    settings = {f"database_tls_{name}": path for name, path in files.items()}
    url = "postgresql+psycopg://worker:secret@127.0.0.1:1/qserver"
    return create_database_engine(
        DatabaseSettings.model_validate({"database_url": url, "database_tls_server_name": server_name, **settings})
    )


both = pytest.mark.parametrize(
    ("opens", "prefix"), [(open_broker, "QSERVER_BROKER_TLS"), (open_database, "QSERVER_DATABASE_TLS")]
)


@both
def test_files_that_fit_are_taken(opens: Open, prefix: str, files: Files) -> None:
    del prefix

    assert opens(files, "some.name")


@both
@pytest.mark.parametrize("missing", ["ca", "certificate", "key"])
def test_files_that_are_not_all_named_are_refused(opens: Open, prefix: str, missing: str, files: Files) -> None:
    with pytest.raises(SettingsError, match=rf"^{prefix}_{missing.upper()}: not set"):
        opens({**files, missing: None}, "some.name")


@both
def test_a_name_alone_is_refused(opens: Open, prefix: str) -> None:
    with pytest.raises(SettingsError, match=f"{prefix}_CA, {prefix}_CERTIFICATE, {prefix}_KEY: not set"):
        opens({}, "some.name")


@both
@pytest.mark.parametrize("absent", ["ca", "certificate", "key"])
def test_a_file_that_is_not_there_is_named(opens: Open, prefix: str, absent: str, files: Files) -> None:
    with pytest.raises(SettingsError, match=rf"{prefix}_{absent.upper()} names /none, which can't be read: No such"):
        opens({**files, absent: Path("/none")}, "some.name")


@both
def test_an_authority_that_is_none_is_refused(opens: Open, prefix: str, files: Files, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")

    with pytest.raises(SettingsError, match=rf"{prefix}_CA names .*, which holds no certificate in PEM form"):
        opens(files, "some.name")


@both
def test_a_key_that_does_not_fit_is_refused(
    opens: Open, prefix: str, files: Files, authority: Authority, client: Certificate
) -> None:
    client.key.write_bytes(authority.client("gpu2").key.read_bytes())

    with pytest.raises(
        SettingsError, match=rf"{prefix}_CERTIFICATE and {prefix}_KEY: .* are not a certificate and its"
    ):
        opens(files, "some.name")


def test_a_key_that_others_may_read_is_refused_as_libpq_would(files: Files, client: Certificate) -> None:
    client.key.chmod(0o644)

    with pytest.raises(SettingsError, match=f"which others may read: chmod 600 {client.key}"):
        open_database(files)


def test_client_certificates_want_an_url_with_tls(files: Files) -> None:
    settings = {f"broker_tls_{name}": path for name, path in files.items()}

    with pytest.raises(SettingsError, match="QSERVER_BROKER_URL begins with amqp; with QSERVER_BROKER_TLS_CA it must"):
        connection_parameters(
            BrokerSettings.model_validate({"broker_url": "amqp://guest:secret@127.0.0.1/", **settings})
        )


def test_without_files_an_url_means_what_it_meant() -> None:
    parameters = connection_parameters(BrokerSettings(broker_url=SecretStr("amqp://guest:guest@127.0.0.1/")))

    assert parameters.ssl_options is None


def test_variables_that_are_empty_name_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROKER_TLS_CA", "DATABASE_TLS_KEY", "LOG_FOLDER", "PLUGIN_WHEEL_FOLDER"):
        monkeypatch.setenv(f"QSERVER_{name}", "")

    settings = load_settings()

    assert settings.broker.broker_tls_ca is None
    assert settings.database.database_tls_key is None
    assert settings.logs.log_folder is None
    assert settings.plugins.plugin_wheel_folder is None
