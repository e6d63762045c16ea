"""Who may be added, and how exactly that is said."""

import hashlib
from pathlib import Path

import pytest

from plugins.file_plugin.allow_list import AllowList, Pin
from qserver.errors import PermissionDenied, SettingsError
from qserver.settings import PluginSettings, load_settings
from tests.unit.file_plugin.wheels import make_wheel

A, B = "a" * 64, "b" * 64


def allow_list(*entries: str, locks: Path | None = None) -> AllowList:
    return AllowList(PluginSettings(plugin_allow_list=entries, plugin_lock_folder=locks))


def write_lock(folder: Path, text: str) -> Path:
    path = folder / "tiny-plugin.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("entry", "pin"),
    [
        ("tiny-plugin", Pin()),
        ("Tiny_Plugin", Pin()),
        ("*", Pin()),
        ("tiny-plugin==1.0", Pin("1.0")),
        (f"tiny-plugin==1.0 --hash=sha256:{A}", Pin("1.0", frozenset({A}))),
        (f"tiny-plugin==1.0  --hash=sha256:{A} --hash=sha256:{B}", Pin("1.0", frozenset({A, B}))),
    ],
)
def test_an_entry_allows_as_exactly_as_it_says(entry: str, pin: Pin) -> None:
    assert allow_list("other-plugin", entry).require("tiny-plugin") == pin


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (f"tiny-plugin --hash=sha256:{A}", "has a hash and no version"),
        ("tiny-plugin==1.0 --hash=md5:00", "is no name of a distribution"),
        (f"tiny-plugin==1.0 --hash=sha256:{A[1:]}", "is no name of a distribution"),
        ("tiny-plugin>=1.0", "is no name of a distribution"),
        ("../etc", "is no name of a distribution"),
    ],
)
def test_an_entry_that_can_not_be_read_stops_the_service(entry: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=f"QSERVER_PLUGIN_ALLOW_LIST: .*{sentence}"):
        allow_list(entry)


def test_a_plugin_that_stands_there_twice_stops_the_service() -> None:
    with pytest.raises(SettingsError, match="tiny-plugin stands there twice"):
        allow_list("tiny-plugin==1.0", "tiny_plugin==2.0")


def test_what_is_not_listed_is_refused_with_the_list() -> None:
    with pytest.raises(PermissionDenied, match=r"which has aer-plugin, fake-plugin \(QSERVER_PLUGIN_ALLOW_LIST\)"):
        allow_list("fake-plugin", "aer-plugin==1").require("tiny-plugin")


def test_a_wheel_passes_by_its_hash_alone(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()

    Pin("1.0", frozenset({A, sha256})).check_wheel(wheel, "tiny-plugin")
    Pin("1.0").check_wheel(wheel, "tiny-plugin")
    with pytest.raises(PermissionDenied, match=f"has the SHA-256 {sha256}; tiny-plugin is pinned to another"):
        Pin("1.0", frozenset({A})).check_wheel(wheel, "tiny-plugin")


def test_a_lock_pins_version_and_hashes(tmp_path: Path) -> None:
    lock = write_lock(
        tmp_path,
        f"# made by hand\nits-library==2.0 --hash=sha256:{B}\n"
        f"tiny_plugin==1.0 ; python_version >= '3.11' \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n",
    )

    assert allow_list("*", locks=tmp_path).require("tiny-plugin") == Pin("1.0", frozenset({A, B}), lock)


def test_list_and_lock_must_agree(tmp_path: Path) -> None:
    write_lock(tmp_path, f"tiny-plugin==1.0 --hash=sha256:{A}\n")

    with pytest.raises(PermissionDenied, match=r"pins tiny-plugin to 2.0, the lock .*tiny-plugin.txt to 1.0"):
        allow_list("tiny-plugin==2.0", locks=tmp_path).require("tiny-plugin")
    with pytest.raises(PermissionDenied, match="no wheel of tiny-plugin in common"):
        allow_list(f"tiny-plugin==1.0 --hash=sha256:{B}", locks=tmp_path).require("tiny-plugin")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"plugin 'tiny-plugin' has no lock .*tiny-plugin.txt \(QSERVER_PLUGIN_LOCK_FOLDER\)"),
        ("", "doesn't name tiny-plugin==version"),
        (f"tiny-plugin-extra==1.0 --hash=sha256:{A}\n", "doesn't name tiny-plugin==version"),
        ("tiny-plugin==1.0\n", "no wheel of tiny-plugin in common"),
    ],
)
def test_with_a_folder_of_locks_nothing_is_allowed_without_one(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        write_lock(tmp_path, text)

    with pytest.raises(PermissionDenied, match=sentence):
        allow_list("*", locks=tmp_path).require("tiny-plugin")


def test_a_plugin_of_before_is_built_while_its_version_is_the_pinned_one() -> None:
    pinned = allow_list("tiny-plugin==2.0")

    assert pinned.pin_of("tiny-plugin", "2.0") == Pin("2.0")
    assert pinned.pin_of("other-plugin", "1.0") == Pin()
    with pytest.raises(PermissionDenied, match=r"tiny-plugin 1.0 is no longer allowed, 2.0 is: delete it and add it"):
        pinned.pin_of("tiny-plugin", "1.0")


def test_entries_come_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QSERVER_PLUGIN_ALLOW_LIST", f"aer-plugin==0.0.2 --hash=sha256:{A}, fake-plugin")

    found = AllowList(load_settings().plugins)

    assert found.require("aer-plugin") == Pin("0.0.2", frozenset({A}))
    assert found.require("fake-plugin") == Pin()
