import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from qserver.errors import Conflict, SettingsError
from standalone.data_folder import DATABASE_FILE, owned


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with owned(tmp_path / "data"), pytest.raises(Conflict) as caught, owned(tmp_path / "data"):
        pass

    assert f"the data folder {tmp_path / 'data'} is in use by another QServer" in str(caught.value)


def test_a_folder_is_free_again_when_its_owner_has_gone(tmp_path: Path) -> None:
    with owned(tmp_path):
        pass

    with owned(tmp_path) as folder:
        assert folder == tmp_path


def test_a_new_folder_is_for_its_user_alone(tmp_path: Path) -> None:
    with owned(tmp_path / "data") as folder:
        mode = stat.S_IMODE(folder.stat().st_mode)

    assert mode == 0o700


@pytest.mark.parametrize("is_new", [True, False])
def test_in_a_folder_that_all_may_read_the_database_is_for_its_user_alone(tmp_path: Path, *, is_new: bool) -> None:
    tmp_path.chmod(0o755)
    if not is_new:
        with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as earlier:
            earlier.execute("CREATE TABLE circuits (source BLOB)")
        (tmp_path / "owner.lock").touch(mode=0o644)
        (tmp_path / DATABASE_FILE).chmod(0o644)

    with owned(tmp_path), closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute("CREATE TABLE results (document BLOB)")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    names = {DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", "owner.lock"}
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("place", ["file", "file/inner"])
def test_a_place_that_can_hold_no_folder_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError) as caught, owned(tmp_path / place):
        pass

    assert f"can't use the data folder {tmp_path / place}: " in str(caught.value)


def test_a_folder_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "owner.lock").mkdir()  # what root may not open either

    with pytest.raises(SettingsError) as caught, owned(tmp_path):
        pass

    assert f"can't use the data folder {tmp_path}: " in str(caught.value)
