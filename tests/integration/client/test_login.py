"""What `qserver login` does with a key that the server doesn't know."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from qserver.cli.app import app
from qserver.client.key_file import KeyFile
from qserver.errors import Unauthenticated


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


@pytest.fixture
def refusing_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_key_that_the_server_does_not_know_is_not_kept(
    refusing_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    outcome = CliRunner().invoke(app, ["login", refusing_url, "--key-stdin"], input="wrong\n")

    assert isinstance(outcome.exception, Unauthenticated)
    assert str(outcome.exception) == "no such key: Bearer wrong"
    assert KeyFile(tmp_path / "qserver" / "keys.json").last_server() is None
