"""Pinned plugins, with real pip: only the very wheels that are named become an environment."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.file_plugin.catalog import PluginCatalog
from plugins.file_plugin.locking import lock_plugin
from qserver.errors import InvalidRequest, PermissionDenied
from qserver.plugins import FilePluginPin, InstallState
from qserver.settings import PluginSettings
from tests.integration.file_plugin.conftest import HostMaker, wait_for
from tests.unit.file_plugin.wheels import GOOD_PLUGIN, make_wheel

TINY = FilePluginPin("tiny-plugin", "1.0")


@pytest.fixture
def wheels(make_host: HostMaker, tmp_path: Path) -> Path:  # noqa: ARG001 - which makes the folder
    make_wheel(tmp_path / "wheels", version="1.1")
    make_wheel(tmp_path / "wheels", requires=["its-library"])
    make_wheel(tmp_path / "wheels", "its-library", backends=None)
    return tmp_path / "wheels"


def tiny(wheels: Path) -> Path:
    return wheels / "tiny_plugin-1.0-py3-none-any.whl"


def pinned(wheels: Path) -> str:
    return f"tiny-plugin==1.0 --hash=sha256:{hashlib.sha256(tiny(wheels).read_bytes()).hexdigest()}"


def tamper(wheels: Path, name: str = "tiny-plugin") -> None:
    """Put other code under the same name and version."""
    make_wheel(wheels, name, code=GOOD_PLUGIN + "# and more\n", backends=b"tiny\n", requires=["its-library"])


def message_of(make_host: HostMaker, state: InstallState, **settings: object) -> str:
    host = make_host(**settings)
    host.sync([TINY])
    wait_for(host, "tiny-plugin", state)
    return host.installations()["tiny-plugin"].message or ""


def test_the_pinned_version_is_added_and_not_the_newest(wheels: Path) -> None:
    settings = PluginSettings(plugin_allow_list=(pinned(wheels),), plugin_wheel_folder=wheels)

    assert PluginCatalog(settings).describe("tiny-plugin").version == "1.0"


def test_a_wheel_that_was_replaced_is_neither_added_nor_built(make_host: HostMaker, wheels: Path) -> None:
    settings = {"plugin_allow_list": (pinned(wheels),), "plugin_wheel_folder": wheels}
    tamper(wheels)

    with pytest.raises(PermissionDenied, match="tiny-plugin is pinned to another"):
        PluginCatalog(PluginSettings.model_validate(settings)).describe("tiny-plugin")
    assert "is pinned to another" in message_of(make_host, InstallState.FAILED, **settings)


def test_a_locked_plugin_is_built_of_exactly_its_lock(make_host: HostMaker, wheels: Path, tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    locks.mkdir()
    lock = lock_plugin("tiny-plugin==1.0", PluginSettings(plugin_wheel_folder=wheels))
    (locks / "tiny-plugin.txt").write_text(lock)
    make_wheel(wheels, "its-library", version="2.0", backends=None)  # newer than what is locked

    message_of(make_host, InstallState.READY, plugin_lock_folder=locks)

    environment = tmp_path / "plugins" / "worker-0" / "tiny-plugin-1.0"
    assert (environment / "requirements.txt").read_text() == lock
    assert lock.startswith("its-library==1.0 --hash=sha256:")
    assert [path.name for path in environment.rglob("its_library-*.dist-info")] == ["its_library-1.0.dist-info"]


def test_a_requirement_that_was_replaced_is_not_installed(make_host: HostMaker, wheels: Path, tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    locks.mkdir()
    lock = lock_plugin("tiny-plugin==1.0", PluginSettings(plugin_wheel_folder=wheels))
    (locks / "tiny-plugin.txt").write_text(lock)
    make_wheel(wheels, "its-library", code="import os", backends=None)

    message = message_of(make_host, InstallState.FAILED, plugin_lock_folder=locks)

    assert "HASHES" in message


def test_a_lock_is_written_by_a_command(wheels: Path) -> None:
    command = [sys.executable, "-m", "plugins.file_plugin.locking", "tiny-plugin"]
    written = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "QSERVER_PLUGIN_WHEEL_FOLDER": str(wheels)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )

    assert [line.split()[0] for line in written.stdout.splitlines()] == ["tiny-plugin==1.1"]
    with pytest.raises(InvalidRequest, match="is no version"):
        lock_plugin("tiny-plugin==../x", PluginSettings(plugin_wheel_folder=wheels))
