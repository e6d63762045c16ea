import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from database.records import Removal
from janitor import files
from janitor.files import remove_dead_environments, remove_old_logs
from qserver.plugin_folder import Slot

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def write_log(folder: Path, name: str, *, age_days: float) -> Path:
    path = folder / name
    path.write_text("an event\n")
    written_at = (NOW - timedelta(days=age_days)).timestamp()
    os.utime(path, (written_at, written_at))
    return path


def test_old_days_of_every_service_go_and_young_ones_stay(tmp_path: Path) -> None:
    write_log(tmp_path, "worker.log.2026-01-01", age_days=29)
    write_log(tmp_path, "rest_api.log.2026-01-02", age_days=28)
    young = write_log(tmp_path, "worker.log.2026-01-30", age_days=1)

    removal = remove_old_logs(tmp_path, keep_days=14, now=NOW, dry_run=False)

    assert removal == Removal("logs", 2)
    assert list(tmp_path.iterdir()) == [young]


def test_the_file_that_a_service_writes_to_stays_however_old(tmp_path: Path) -> None:
    write_log(tmp_path, "worker.log", age_days=100)

    assert remove_old_logs(tmp_path, keep_days=14, now=NOW, dry_run=False).count == 0


def test_other_people_s_files_stay(tmp_path: Path) -> None:
    write_log(tmp_path, "notes.txt", age_days=100)
    (tmp_path / "old.log.folder").mkdir()
    outside = write_log(tmp_path, "precious", age_days=100)
    (tmp_path / "worker.log.link").symlink_to(outside)

    assert remove_old_logs(tmp_path, keep_days=14, now=NOW, dry_run=False).count == 0


@pytest.mark.parametrize(("keep_days", "dry_run", "count"), [(0, False, 0), (14, True, 1)])
def test_keeping_for_ever_and_a_dry_run_remove_nothing(
    tmp_path: Path,
    keep_days: float,
    dry_run: bool,  # noqa: FBT001 - a column of the table
    count: int,
) -> None:
    old = write_log(tmp_path, "worker.log.2026-01-01", age_days=100)

    removal = remove_old_logs(tmp_path, keep_days=keep_days, now=NOW, dry_run=dry_run)

    assert removal.count == count
    assert old.exists()


@pytest.mark.parametrize("folder", [None, Path("/no/such/folder")])
def test_without_a_folder_there_are_no_logs(folder: Path | None) -> None:
    assert remove_old_logs(folder, keep_days=14, now=NOW, dry_run=False).count == 0


def test_a_log_that_another_pass_removed_first_is_not_counted(tmp_path: Path) -> None:
    assert files._is_old_file(tmp_path / "gone.log.1", NOW.timestamp()) is False
    assert files._unlink(tmp_path / "gone.log.1") is False


def test_a_log_that_can_not_be_removed_is_told_and_left(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert files._unlink(tmp_path) is False

    assert logs[0]["event"] == "log_not_removed"


def test_an_environment_that_can_not_be_removed_is_told_and_left(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as slot, capture_logs() as logs:
        assert files._discard(slot, tmp_path / "missing") is False

    assert logs[0]["event"] == "environment_not_removed"


def make_environment(slot: Slot, name: str) -> Path:
    environment = slot.folder / name
    (environment / "bin").mkdir(parents=True)
    return environment


def test_what_a_dead_worker_left_of_deleted_plugins_goes(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as slot:
        make_environment(slot, "gone-1.0")
        kept = make_environment(slot, "kept-1.0")

    removal = remove_dead_environments(tmp_path, registered=frozenset({"kept-1.0"}), dry_run=False)

    assert removal == Removal("environments", 1)
    assert sorted(slot.folder.iterdir()) == [kept, slot.folder / "lock"]


def test_a_live_worker_is_left_to_clean_its_own(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as slot:
        environment = make_environment(slot, "gone-1.0")

        removal = remove_dead_environments(tmp_path, registered=frozenset(), dry_run=False)

        assert removal.count == 0
        assert environment.exists()


def test_a_dry_run_leaves_environments_where_they_are(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as slot:
        environment = make_environment(slot, "gone-1.0")

    removal = remove_dead_environments(tmp_path, registered=frozenset(), dry_run=True)

    assert removal.count == 1
    assert environment.exists()


def test_a_slot_is_free_again_after_the_sweep(tmp_path: Path) -> None:
    Slot.acquire(tmp_path).close()

    remove_dead_environments(tmp_path, registered=frozenset(), dry_run=False)

    with Slot.acquire(tmp_path) as slot:
        assert slot.folder.name == "worker-0"


def test_what_an_earlier_pass_could_not_delete_is_deleted(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as slot:
        slot.discard(make_environment(slot, "gone-1.0"))

    remove_dead_environments(tmp_path, registered=frozenset(), dry_run=False)

    assert [path.name for path in slot.folder.iterdir()] == ["lock"]
