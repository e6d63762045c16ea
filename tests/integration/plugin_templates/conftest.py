"""The templates of docs/howto/write-a-plugin.md, built as their authors would."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qserver.sandbox.forkserver import Forkserver

TEMPLATES = Path(__file__).parents[3] / "examples" / "plugins"


@pytest.fixture(scope="session")
def template_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both templates; give the folder of their wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    for template in ("file_plugin", "entry_point_plugin"):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                f"--wheel-dir={folder}",
                TEMPLATES / template,
            ],
            check=True,
        )
    return folder


@pytest.fixture
def forkserver() -> Iterator[Forkserver]:
    """Start without anything loaded; modules are looked for where this test looks."""
    with Forkserver() as server:
        yield server
