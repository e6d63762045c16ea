"""Which server is meant, by which key, and what is never sent in cleartext."""

from pathlib import Path

import pytest

from qserver.client.access import find_access
from qserver.client.key_file import KeyFile, Login, default_key_file
from qserver.client.server_address import ServerAddress, parse_address
from qserver.errors import SettingsError
from tests.certificates import Authority


@pytest.mark.parametrize(
    ("url", "address", "target", "normal"),
    [
        ("box", ServerAddress("box", 443, is_secure=True), "box:443", "https://box"),
        ("box:8443", ServerAddress("box", 8443, is_secure=True), "box:8443", "https://box:8443"),
        ("https://box/", ServerAddress("box", 443, is_secure=True), "box:443", "https://box"),
        ("http://127.0.0.1:8080", ServerAddress("127.0.0.1", 8080, is_secure=False), "127.0.0.1:8080", None),
        ("http://[::1]:8080", ServerAddress("::1", 8080, is_secure=False), "[::1]:8080", None),
        ("http://box", ServerAddress("box", 80, is_secure=False), "box:80", "http://box"),
    ],
)
def test_one_url_says_where_both_protocols_are(
    url: str, address: ServerAddress, target: str, normal: str | None
) -> None:
    found = parse_address(url)

    assert found == address
    assert found.target == target
    assert found.url == (normal or url)


@pytest.mark.parametrize(
    "url", ["ftp://box", "https://", "https://box/api/v1", "https://box:99999", "https://me@box", "https://box?a=b"]
)
def test_what_is_no_address_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="server '"):
        parse_address(url)


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(folder), **more}


def test_arguments_pass_the_environment_and_that_passes_the_login(tmp_path: Path) -> None:
    KeyFile(default_key_file(_environment(tmp_path))).keep("https://kept", Login("kept-key"))
    environment = _environment(tmp_path, QSERVER_URL="https://named", QSERVER_API_KEY="named-key")

    argued = find_access("https://argued", api_key="argued-key", environment=environment)
    named = find_access(environment=environment)
    kept = find_access(environment=_environment(tmp_path))

    assert (argued.http.url, argued.api_key) == ("https://argued", "argued-key")
    assert (named.http.url, named.api_key) == ("https://named", "named-key")
    assert (kept.http.url, kept.api_key) == ("https://kept", "kept-key")
    assert kept.authorization == (("authorization", "Bearer kept-key"),)


def test_a_kept_key_goes_to_its_own_server_alone(tmp_path: Path) -> None:
    KeyFile(default_key_file(_environment(tmp_path))).keep("https://kept", Login("kept-key"))

    access = find_access("https://other", environment=_environment(tmp_path))

    assert access.api_key is None
    assert access.authorization == ()


def test_without_any_server_a_sentence_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QSERVER_URL"):
        find_access(environment=_environment(tmp_path))


@pytest.mark.parametrize("grpc_url", [None, "http://box:50051"])
def test_a_key_never_leaves_this_machine_in_cleartext(tmp_path: Path, grpc_url: str | None) -> None:
    url = "http://box" if grpc_url is None else "https://box"

    with pytest.raises(SettingsError, match="cleartext"):
        find_access(url, api_key="key", grpc_url=grpc_url, environment=_environment(tmp_path))


def test_a_key_may_go_to_this_machine_in_cleartext(tmp_path: Path) -> None:
    assert find_access("http://localhost:8080", api_key="key", environment=_environment(tmp_path)).api_key == "key"


def test_grpc_is_where_https_is_and_is_asked_for_without_tls(tmp_path: Path) -> None:
    secure = find_access("https://box:8443", environment=_environment(tmp_path))
    plain = find_access("http://box:8080", environment=_environment(tmp_path))

    assert secure.grpc == ServerAddress("box", 8443, is_secure=True)
    assert plain.grpc is None


def test_an_authority_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.pem"):
        find_access("https://box", ca=tmp_path / "nothing.pem", environment=_environment(tmp_path))


def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path) -> None:
    notes = tmp_path / "notes.pem"
    notes.write_bytes("Schlüssel".encode() + b"\xff\x00")

    with pytest.raises(SettingsError, match=r"notes\.pem holds no certificate"):
        find_access("https://box", ca=notes, environment=_environment(tmp_path))


def test_a_key_may_end_with_its_files_line(tmp_path: Path) -> None:
    assert find_access("https://box", api_key=" secret\n", environment=_environment(tmp_path)).api_key == "secret"


@pytest.mark.parametrize("key", ["two words", "schlüssel", "se\x00cret", "first\nsecond"])
def test_what_no_key_can_be_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match="the API key has a space") as refused:
        find_access("https://box", api_key=key, environment=_environment(tmp_path))

    assert key not in str(refused.value)


def test_a_key_is_not_shown(tmp_path: Path) -> None:
    access = find_access("https://box", api_key="very-secret", environment=_environment(tmp_path))

    assert "very-secret" not in repr(access)


def test_keys_are_kept_where_nobody_else_reads_them(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "qserver" / "keys.json")

    keys.keep("https://first", Login("1"))
    keys.keep("https://second", Login("2"))
    keys.keep("https://first", Login("3"))

    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert keys.path.parent.stat().st_mode & 0o777 == 0o700
    assert keys.last_server() == "https://first"
    assert (keys.login_of("https://first").key, keys.login_of("https://second").key) == ("3", "2")
    assert [entry.name for entry in keys.path.parent.iterdir()] == ["keys.json"]


def test_a_kept_authority_is_trusted_again(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority").server("box").certificate
    KeyFile(default_key_file(_environment(tmp_path))).keep("https://box", Login(ca=str(authority)))

    access = find_access(environment=_environment(tmp_path))

    assert (access.ca, access.api_key) == (authority.read_bytes(), None)


def test_a_forgotten_server_is_gone(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.keep("https://box", Login("1"))

    assert keys.forget("https://box")
    assert not keys.forget("https://box")
    assert keys.last_server() is None


def test_keys_that_others_may_read_are_not_used(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.keep("https://box", Login("1"))
    keys.path.chmod(0o644)

    with pytest.raises(SettingsError, match="chmod 600"):
        keys.login_of("https://box")


@pytest.mark.parametrize("text", ["", "[]", '{"servers": []}', '{"servers": {"https://box": "1"}}'])
def test_a_damaged_file_of_keys_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(SettingsError, match="damaged"):
        KeyFile(path).last_server()
