"""One settings tree: documented whole, and wrong values stop a service with a sentence."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from qserver.errors import SettingsError
from qserver.settings import LimitSettings, load_settings, variables

ENV_EXAMPLE = Path(__file__).parents[3] / ".env.example"


def _documented() -> dict[str, str]:
    ours, _, _ = ENV_EXAMPLE.read_text().partition("# What only `docker compose` reads")
    return dict(re.findall(r"^# (QSERVER_[A-Z_0-9]+)=(.*)$", ours, flags=re.MULTILINE))


def _written(default: object) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def test_env_example_lists_every_variable_with_its_default() -> None:
    expected = {name: _written(default) for name, (default, _) in variables().items()}

    documented = _documented()

    assert documented == expected


def test_every_variable_is_described() -> None:
    undescribed = [name for name, (_, description) in variables().items() if not description]

    assert undescribed == []


def test_defaults_pass_their_own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, default in _documented().items():
        if default:
            monkeypatch.setenv(name, default)

    settings = load_settings()

    assert settings.limits == LimitSettings.model_construct(**LimitSettings().model_dump())


@pytest.mark.parametrize(
    ("variable", "value", "fragment"),
    [
        ("QSERVER_GRPC_PORT", "fifty", "QSERVER_GRPC_PORT: Input should be a valid integer"),
        ("QSERVER_GRPC_PORT", "70000", "less than or equal to 65535"),
        ("QSERVER_MAX_SHOTS", "0", "QSERVER_MAX_SHOTS: Input should be greater than or equal to 1"),
        ("QSERVER_LOG_LEVEL", "loud", "QSERVER_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("QSERVER_BATCH_SECONDS", "nan", "QSERVER_BATCH_SECONDS"),
        (
            "QSERVER_HEARTBEAT_SECONDS",
            "inf",
            "QSERVER_HEARTBEAT_SECONDS: Value error, is inf; it must be at most 31,53",
        ),
        (
            "QSERVER_KEEP_JOBS_DAYS",
            "1e300",
            "QSERVER_KEEP_JOBS_DAYS: Value error, is 1e+300; it must be at most 36,500",
        ),
        ("QSERVER_WORKER_NAME", "w" * 201, "QSERVER_WORKER_NAME: String should have at most 200 characters"),
        ("QSERVER_JOBS_SERVER_ADDRESS", "box", "QSERVER_JOBS_SERVER_ADDRESS: Value error, is 'box'; it must be host:"),
        ("QSERVER_LEASE_SECONDS", "15", "QSERVER_LEASE_RENEW_SECONDS: Value error, is 10; it must be at most half of"),
        ("QSERVER_LEASE_RENEW_SECONDS", "15.1", "is 15.1; it must be at most half of QSERVER_LEASE_SECONDS=30"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, fragment: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert fragment in str(caught.value)


def test_every_wrong_value_is_named_whatever_service_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSERVER_MAX_QUBITS", "-1")
    monkeypatch.setenv("QSERVER_HTTP_PORT", "x")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert "QSERVER_MAX_QUBITS: " in str(caught.value)
    assert "QSERVER_HTTP_PORT: " in str(caught.value)


@pytest.mark.parametrize("address", ["jobs-server:50051", "10.0.0.7:1", "[::1]:50051"])
def test_an_address_is_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("QSERVER_JOBS_SERVER_ADDRESS", address)

    settings = load_settings()

    assert settings.rest_api.jobs_server_address == address


def test_a_refusal_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSERVER_DATABASE_URL", "postgresql+psycopg://qserver:s3cret@db/qserver")
    monkeypatch.setenv("QSERVER_MAX_SHOTS", "none")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert "s3cret" not in str(caught.value)


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass phrase $1\n")
    monkeypatch.setenv("QSERVER_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("QSERVER_DATABASE_PASSWORD", "")
    monkeypatch.setenv("QSERVER_BROKER_PASSWORD_FILE", "")
    monkeypatch.setenv("QSERVER_BROKER_PASSWORD", "of the environment")

    settings = load_settings()

    assert settings.database.database_password.get_secret_value() == "pass phrase $1"
    assert settings.broker.broker_password.get_secret_value() == "of the environment"


def test_every_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secrets = [name for name, (default, _) in variables().items() if isinstance(default, SecretStr)]
    for name in secrets:
        (tmp_path / name).write_text(f"sqlite:///{name}")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))

    sections = load_settings().model_dump().values()

    found = {
        name: value.get_secret_value()
        for section in sections
        for name, value in section.items()
        if isinstance(value, SecretStr)
    }
    assert found == {name.removeprefix("QSERVER_").lower(): f"sqlite:///{name}" for name in secrets}
    assert "database_password" in found


def test_only_what_is_secret_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSERVER_DATABASE_USER_FILE", "/nowhere")

    assert load_settings().database.database_user == ""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "QSERVER_BROKER_PASSWORD_FILE: .*/password can't be read: No such file or directory"),
        (b"", "QSERVER_BROKER_PASSWORD_FILE: .*/password is empty"),
        (b"\n", "QSERVER_BROKER_PASSWORD_FILE: .*/password is empty"),
        (b"\xff", "QSERVER_BROKER_PASSWORD_FILE: .*/password is no text in UTF-8"),
        (b"x" * 65_537, "QSERVER_BROKER_PASSWORD_FILE: .*/password is larger than 65,536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    monkeypatch.setenv("QSERVER_BROKER_PASSWORD_FILE", str(tmp_path / "password"))

    with pytest.raises(SettingsError, match=sentence):
        load_settings()


def test_a_secret_in_two_places_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("one")
    monkeypatch.setenv("QSERVER_BROKER_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("QSERVER_BROKER_PASSWORD", "other")

    with pytest.raises(SettingsError, match="QSERVER_BROKER_PASSWORD and QSERVER_BROKER_PASSWORD_FILE are both set"):
        load_settings()


def test_names_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSERVER_PLUGIN_ALLOW_LIST", "aer-plugin, my-plugin,")

    settings = load_settings()

    assert settings.plugins.plugin_allow_list == ("aer-plugin", "my-plugin")
