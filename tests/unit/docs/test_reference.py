"""docs/reference/ names all that is public; `make check` builds the site and fails on a name that doesn't exist."""

import re
from pathlib import Path

import pytest

import qserver
import qserver.qiskit
from qserver.cli.exit_codes import ExitCode

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PUBLIC = [f"qserver.{name}" for name in qserver.__all__ if not name.startswith("_")] + [
    f"qserver.qiskit.{name}" for name, found in vars(qserver.qiskit).items() if isinstance(found, type)
]
WHOLE_MODULES = {"qserver.errors", "qserver.plugins"}


def _directives(kind: str) -> set[str]:
    pages = (page.read_text() for page in REFERENCE.glob("*.md"))
    return {name for page in pages for name in re.findall(rf"^\.\. {kind}:: ([\w.]+)", page, re.MULTILINE)}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_class_has_a_place_in_the_reference(name: str) -> None:
    assert name in _directives("autoclass")


def test_errors_and_plugin_interface_are_there_whole() -> None:
    assert _directives("automodule") >= WHOLE_MODULES


def test_every_exit_status_is_in_the_page_about_the_command_line() -> None:
    page = (REFERENCE.parent / "howto" / "command-line.md").read_text()

    assert set(map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE))) == set(ExitCode)
