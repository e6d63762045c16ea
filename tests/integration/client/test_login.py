"""What `qserver login` tries and keeps."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from qserver.cli.app import app
from qserver.client.key_file import KeyFile, Login
from qserver.errors import Unauthenticated
from tests.certificates import Authority


class _Refusing(BaseHTTPRequestHandler):
    """Knows no key, and says so as QServer does."""

    def do_GET(self) -> None:
        """Refuse."""
        problem = json.dumps({"detail": f"no such key: {self.headers['authorization']}", "reason": "UNAUTHENTICATED"})
        self.send_response(401)
        self.send_header("content-type", "application/problem+json")
        self.end_headers()
        self.wfile.write(problem.encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class _Welcoming(_Refusing):
    """Lets everybody in, and says by which key."""

    def do_GET(self) -> None:
        """Welcome."""
        document = json.dumps({"name": f"holder of {self.headers['authorization']}"})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(document.encode())


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def refusing_url() -> Iterator[str]:
    with served(_Refusing) as url:
        yield url


@pytest.fixture
def welcoming_url() -> Iterator[str]:
    with served(_Welcoming) as url:
        yield url


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFile:
    """The file of a person who has set no folder for it, and trusts no authority yet."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("QSERVER_CA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return KeyFile(tmp_path / ".config" / "qserver" / "keys.json")


def test_a_key_that_the_server_does_not_know_is_not_kept(
    refusing_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    outcome = CliRunner().invoke(app, ["login", refusing_url, "--key-stdin"], input="wrong\n")

    assert isinstance(outcome.exception, Unauthenticated)
    assert str(outcome.exception) == "no such key: Bearer wrong"
    assert KeyFile(tmp_path / "qserver" / "keys.json").last_server() is None


def test_another_key_takes_the_place_of_the_one_before_and_the_authority_stays(
    welcoming_url: str, keys: KeyFile, tmp_path: Path
) -> None:
    authority = str(Authority(tmp_path / "authority").server("box").certificate)
    keys.keep(welcoming_url, Login("old", authority))

    outcome = CliRunner().invoke(app, ["login", welcoming_url, "--key-stdin"], input="new\n")

    assert outcome.exit_code == 0, outcome.output
    assert keys.login_of(welcoming_url) == Login("new", authority)


@pytest.mark.parametrize("is_named", [True, False], ids=["option", "environment"])
def test_the_authority_that_was_named_is_kept(
    is_named: bool,  # noqa: FBT001 - a column
    welcoming_url: str,
    keys: KeyFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = str(Authority(tmp_path / "authority").server("box").certificate)
    options = ["--ca", authority] if is_named else []
    if not is_named:
        monkeypatch.setenv("QSERVER_CA", authority)

    outcome = CliRunner().invoke(app, [*options, "login", welcoming_url, "--key-stdin"], input="key\n")

    assert outcome.exit_code == 0, outcome.output
    assert keys.login_of(welcoming_url) == Login("key", authority)


def test_without_a_key_the_one_from_before_is_not_tried(welcoming_url: str, keys: KeyFile) -> None:
    keys.keep(welcoming_url, Login("old"))

    outcome = CliRunner().invoke(app, ["login", welcoming_url, "--key-stdin"], input="\n")

    assert "You are holder of None" in outcome.stderr
    assert keys.login_of(welcoming_url) == Login("")
