"""A secret in the tree is found, and what somebody has looked at is not told again."""

import json
import secrets
import subprocess
from pathlib import Path

import pytest

from scripts.check_secrets import as_baseline, find_suspects, tracked_files, unknown


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    (tmp_path / "plain.py").write_text("answer = 42\n")
    return tmp_path


def plant(tree: Path, name: str) -> None:
    (tree / name).write_text(f'nothing = 1\nAPI_KEY = "{secrets.token_hex(20)}"\n')


def test_a_key_in_a_file_is_found_with_its_line(tree: Path) -> None:
    plant(tree, "settings.py")

    suspects = list(find_suspects(tree, tracked_files(tree)))

    assert {(suspect.file, suspect.line) for suspect in suspects} == {("settings.py", 2)}


def test_what_is_known_is_not_told_again_though_its_line_moves(tree: Path) -> None:
    plant(tree, "settings.py")
    known = json.loads(as_baseline(find_suspects(tree, tracked_files(tree))))
    text = (tree / "settings.py").read_text()

    (tree / "settings.py").write_text(f"# a new line\n{text}")
    moved = unknown(find_suspects(tree, tracked_files(tree)), known)
    plant(tree, "settings.py")
    changed = unknown(find_suspects(tree, tracked_files(tree)), known)

    assert moved == []
    assert changed


def test_what_git_ignores_is_left_alone(tree: Path) -> None:
    plant(tree, "ignored.py")

    assert tracked_files(tree) == [".gitignore", "plain.py"]


def test_a_baseline_shows_no_secret(tree: Path) -> None:
    plant(tree, "settings.py")
    key = (tree / "settings.py").read_text().split('"')[1]

    assert key not in as_baseline(find_suspects(tree, tracked_files(tree)))
