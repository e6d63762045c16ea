"""Folders of processes that were killed are removed by the next one, those of the living never."""

import fcntl
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from qserver.sandbox.folders import HeldFolder, remove_abandoned

_HOLDER = """
import signal
from qserver.sandbox.folders import HeldFolder
print(HeldFolder.make().path, flush=True)
signal.pause()
"""


@pytest.fixture(autouse=True)
def _temporary_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def test_a_folder_is_private_and_removed_with_what_is_in_it() -> None:
    folder = HeldFolder.make()
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "of-a-child").mkdir()
    folder.remove()
    folder.remove()
    assert not folder.path.exists()


def test_a_folder_stays_while_its_maker_lives_and_goes_after_it_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        path = Path(holder.stdout.readline().strip())
        (path / "of-a-child").mkdir()
        remove_abandoned()
        assert (path / "of-a-child").exists()
        holder.send_signal(signal.SIGKILL)
    remove_abandoned()
    assert not path.exists()


def test_a_folder_taken_for_abandoned_before_it_was_opened_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path] = []

    def make_folder(prefix: str) -> str:
        path = tempfile.mkdtemp(prefix=prefix)
        if not taken:
            taken.append(Path(path))
            taken[0].rmdir()
        return path

    monkeypatch.setattr("qserver.sandbox.folders.tempfile", SimpleNamespace(mkdtemp=make_folder))
    folder = HeldFolder.make()
    assert list(tmp_path.iterdir()) == [folder.path] != taken
    folder.remove()


def test_a_folder_taken_for_abandoned_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path] = []

    def lock_late(descriptor: int, operation: int) -> None:
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].rmdir()
        fcntl.flock(descriptor, operation)

    monkeypatch.setattr("qserver.sandbox.folders.fcntl", SimpleNamespace(flock=lock_late, LOCK_EX=fcntl.LOCK_EX))
    folder = HeldFolder.make()
    assert list(tmp_path.iterdir()) == [folder.path] != taken
    folder.remove()


def test_what_others_called_alike_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (tmp_path / "qserver-sandbox-link").symlink_to(elsewhere)
    (tmp_path / "qserver-sandbox-file").touch()
    remove_abandoned()
    assert (elsewhere / "file").exists()
    assert (tmp_path / "qserver-sandbox-file").exists()
