import zipfile
from pathlib import Path

import pytest

from plugins.file_plugin import wheel
from plugins.file_plugin.wheel import MAX_BACKENDS, WheelName, holds_wheel_of, read_backends
from qserver.errors import InvalidRequest
from tests.unit.file_plugin.wheels import make_wheel


def test_backends_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, backends=b"\xef\xbb\xbfsecond\r\n\r\n first \nthird")

    backends = read_backends(path, "tiny-plugin")

    assert backends == ["second", "first", "third"]


def test_nothing_of_the_wheel_is_run(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, code=f"open({str(tmp_path / 'ran')!r}, 'w')")

    read_backends(path, "tiny-plugin")

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("backends", "sentence"),
    [
        (None, "tiny-plugin is no plugin: its wheel has no tiny_plugin/backends.txt"),
        (b"", "names no backend"),
        (b"\n \n", "names no backend"),
        (b"a\nb\na\n", "names 'a' twice"),
        (b"../../etc/passwd\n", "impossible backend '../../etc/passwd'"),
        (b"tiny:fast\n", "impossible backend 'tiny:fast'"),
        (b"tab\there\n", "impossible backend"),
        (b"x" * 101, "impossible backend"),
        ("naïve\n".encode(), "impossible backend"),
        (b"\xff\xfe", "no UTF-8 text"),
        (b"\n".join(b"b%d" % n for n in range(MAX_BACKENDS + 1)), "names 501 backends; the limit is 500"),
        (b"\n" * 70_000, "larger than 65,536 bytes"),
    ],
)
def test_a_list_of_backends_that_makes_no_sense_is_refused(
    tmp_path: Path, backends: bytes | None, sentence: str
) -> None:
    path = make_wheel(tmp_path, backends=backends)

    with pytest.raises(InvalidRequest, match=sentence):
        read_backends(path, "tiny-plugin")


def test_a_list_of_backends_beside_the_module_or_above_it_is_not_looked_at(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, backends=None)
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("backends.txt", "other/backends.txt", "tiny_plugin/../tiny_plugin/backends.txt"):
            archive.writestr(name, "sly\n")

    with pytest.raises(InvalidRequest, match="is no plugin"):
        read_backends(path, "tiny-plugin")


def test_a_small_wheel_that_unpacks_to_much_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, backends=b"a" * 50_000_000)

    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidRequest, match="larger than"):
        read_backends(path, "tiny-plugin")


@pytest.mark.parametrize("left", [slice(0), slice(40), slice(-30)])
def test_a_wheel_that_is_cut_off_is_refused(tmp_path: Path, left: slice) -> None:
    path = make_wheel(tmp_path)
    path.write_bytes(path.read_bytes()[left])

    with pytest.raises(InvalidRequest, match="the wheel of tiny-plugin can't be read"):
        read_backends(path, "tiny-plugin")


def test_an_entry_whose_bytes_are_damaged_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, backends=b"tiny\n" + b"\n" * 1000)
    data = path.read_bytes()
    start = data.index(b"tiny_plugin/backends.txt") + len(b"tiny_plugin/backends.txt")
    path.write_bytes(data[:start] + b"\x07" + data[start + 1 :])

    with pytest.raises(InvalidRequest, match="the wheel of tiny-plugin can't be read"):
        read_backends(path, "tiny-plugin")


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("aer_plugin-0.0.2-py3-none-any.whl", WheelName("aer-plugin", "0.0.2")),
        ("My.Plugin-1.0+local.1-2-cp311-cp311-linux_x86_64.whl", WheelName("my-plugin", "1.0+local.1")),
        ("aer_plugin-0.0.2.tar.gz", None),
        ("aer_plugin-..-py3-none-any.whl", None),
        ("aer_plugin.whl", None),
    ],
)
def test_the_name_of_a_wheel_tells_distribution_and_version(file_name: str, name: WheelName | None) -> None:
    assert WheelName.parse(file_name) == name


def test_a_folder_is_searched_by_normalised_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    make_wheel(tmp_path, "my-plugin")

    assert holds_wheel_of(tmp_path, "my-plugin")
    assert not holds_wheel_of(tmp_path, "my")


def test_a_folder_of_wheels_that_is_not_there_is_named_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"No such file or directory.*QSERVER_PLUGIN_WHEEL_FOLDER"):
        holds_wheel_of(tmp_path / "missing", "my-plugin")


def test_a_wheel_of_very_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "MAX_WHEEL_ENTRIES", 4)
    path = make_wheel(tmp_path)

    with pytest.raises(InvalidRequest, match="has 5 files; the limit is 4"):
        read_backends(path, "tiny-plugin")
