"""What a server leaves behind that is refused before it serves."""

from pathlib import Path

import pytest

from qserver.errors import SettingsError
from qserver.settings import Settings
from standalone.options import Options
from standalone.server import StandaloneServer, standalone_settings


def test_a_server_that_is_refused_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    options = Options("up", grpc_port=0, http_port=0, data_folder=tmp_path / "data", host="192.0.2.1")
    settings = standalone_settings(Settings(), options)

    with pytest.raises(SettingsError, match="QSERVER_AUTH"):
        StandaloneServer(settings, options.data_folder, on_failure=lambda: None)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_too_deep_for_a_socket_is_named_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    options = Options("up", grpc_port=0, http_port=0, data_folder=tmp_path / "data")
    settings = standalone_settings(Settings(), options)

    with pytest.raises(SettingsError, match="too long a name for a socket; let TMPDIR"):
        StandaloneServer(settings, options.data_folder, on_failure=lambda: None)

    assert list(deep.iterdir()) == []
