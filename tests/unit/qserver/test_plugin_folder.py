from pathlib import Path

from qserver.plugin_folder import Slot, environment_name
from qserver.plugins import FilePluginPin


def test_workers_side_by_side_get_different_slots(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as first, Slot.acquire(tmp_path) as second:
        assert first.folder != second.folder


def test_a_worker_that_comes_back_finds_its_slot(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path / "new") as slot:
        folder = slot.folder

    with Slot.acquire(tmp_path / "new") as again:
        assert again.folder == folder


def test_only_slots_that_nobody_holds_are_free(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as held:
        Slot.acquire(tmp_path).close()

        free = [slot.folder.name for slot in Slot.free(tmp_path)]

        assert held.folder.name == "worker-0"
        assert free == ["worker-1"]


def test_a_folder_that_is_not_there_has_no_slots(tmp_path: Path) -> None:
    assert list(Slot.free(tmp_path / "missing")) == []


def test_a_discarded_environment_is_gone_at_once_and_freed_later(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path) as slot:
        environment = slot.folder / environment_name(FilePluginPin("x", "1.0"))
        (environment / "bin").mkdir(parents=True)

        slot.discard(environment)

        assert slot.environments() == []
        assert len(list(slot.folder.glob(".trash-*"))) == 1
        slot.empty_trash()
        assert [path.name for path in slot.folder.iterdir()] == ["lock"]


def test_links_are_no_environments(tmp_path: Path) -> None:
    with Slot.acquire(tmp_path / "plugins") as slot:
        (slot.folder / "link").symlink_to(tmp_path)

        assert slot.environments() == []
