"""Plugins looked up with real pip, in the package index and in a folder."""

from pathlib import Path

import pytest

from plugins.file_plugin.catalog import PluginCatalog
from qserver.errors import InvalidRequest, NotFound, PermissionDenied, Unavailable
from qserver.settings import PluginSettings
from tests.unit.file_plugin.wheels import make_wheel


def test_a_published_plugin_is_described_by_its_wheel() -> None:
    description = PluginCatalog(PluginSettings()).describe("aer-plugin")

    assert (description.distribution, description.version) == ("aer-plugin", "0.0.2")
    assert [backend.name for backend in description.backends] == ["aer"]


def test_every_backend_of_a_plugin_is_listed() -> None:
    description = PluginCatalog(PluginSettings()).describe("fake-plugin")

    assert [backend.name for backend in description.backends] == [f"fake{number}" for number in range(1, 24)]


def test_an_unpublished_plugin_comes_from_the_folder(tmp_path: Path) -> None:
    make_wheel(tmp_path, version="1.0")
    make_wheel(tmp_path, version="1.10")
    make_wheel(tmp_path, version="1.9")
    catalog = PluginCatalog(PluginSettings(plugin_allow_list=("Tiny_Plugin",), plugin_wheel_folder=tmp_path))

    description = catalog.describe("tiny-plugin")

    assert description.version == "1.10"
    assert [backend.name for backend in description.backends] == ["tiny"]


def test_a_name_in_the_folder_is_never_taken_from_the_index(tmp_path: Path) -> None:
    make_wheel(tmp_path, "fake-plugin", version="0.0.0")
    catalog = PluginCatalog(PluginSettings(plugin_wheel_folder=tmp_path))

    assert catalog.describe("fake-plugin").version == "0.0.0"


def test_a_name_outside_the_allow_list_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    catalog = PluginCatalog(PluginSettings(plugin_wheel_folder=tmp_path))

    with pytest.raises(PermissionDenied, match=r"aer-plugin, fake-plugin \(QSERVER_PLUGIN_ALLOW_LIST\)"):
        catalog.describe("tiny-plugin")


def test_a_star_allows_every_name(tmp_path: Path) -> None:
    make_wheel(tmp_path)
    catalog = PluginCatalog(PluginSettings(plugin_allow_list=("*",), plugin_wheel_folder=tmp_path))

    assert catalog.describe("tiny-plugin").version == "1.0"


def test_a_name_that_nobody_published_is_not_found() -> None:
    catalog = PluginCatalog(PluginSettings(plugin_allow_list=("*",)))

    with pytest.raises(NotFound, match="plugin 'no-such-plugin-of-qserver' can't be found"):
        catalog.describe("no-such-plugin-of-qserver")


def test_a_wheel_for_another_machine_is_not_found(tmp_path: Path) -> None:
    make_wheel(tmp_path, tag="cp27-cp27m-win32")
    catalog = PluginCatalog(PluginSettings(plugin_allow_list=("*",), plugin_wheel_folder=tmp_path))

    with pytest.raises(NotFound, match=r"no wheel of tiny-plugin fits Python 3\.\d+ on Linux"):
        catalog.describe("tiny-plugin")


def test_a_package_that_is_no_plugin_is_refused(tmp_path: Path) -> None:
    make_wheel(tmp_path, backends=None)
    catalog = PluginCatalog(PluginSettings(plugin_allow_list=("*",), plugin_wheel_folder=tmp_path))

    with pytest.raises(InvalidRequest, match="tiny-plugin is no plugin"):
        catalog.describe("tiny-plugin")


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    make_wheel(tmp_path).write_bytes(b"no archive")
    catalog = PluginCatalog(PluginSettings(plugin_allow_list=("*",), plugin_wheel_folder=tmp_path))

    with pytest.raises(InvalidRequest, match="plugin 'tiny-plugin' can't be"):
        catalog.describe("tiny-plugin")


def test_an_index_that_does_not_answer_is_told_from_one_without_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")

    with pytest.raises(Unavailable, match=r"can't be looked up: the package index doesn't answer$"):
        PluginCatalog(PluginSettings()).describe("fake-plugin")
