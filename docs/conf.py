"""How Sphinx makes a site of the repository's Markdown and of the docstrings: `make docs`.

The sources are read from the repository's root, so that a link from page to page, or to any file, is the same relative
path here as where the repository is browsed.
"""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qiskit.primitives.containers.estimator_pub import EstimatorPubLike
from qiskit.primitives.containers.sampler_pub import SamplerPubLike
from sphinx.util.typing import stringify_annotation

import qserver
from qserver.json_types import JsonValue
from qserver.qiskit.circuit_runs import Binds

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
COMMANDS_PAGE = "docs/reference/command-line"

project = "QServer"
author = "the QServer authors"
version = release = qserver.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md"]
exclude_patterns = [entry.name for entry in ROOT.iterdir() if entry.is_dir() and entry.name != "docs"]

html_theme = "furo"
html_title = f"QServer {release}"
templates_path = ["_templates"]
# The pages lie in docs/; whoever opens the site starts above.
html_additional_pages = {"index": "to_the_first_page.html"}
html_show_copyright = False
html_copy_source = html_show_sourcelink = False

myst_heading_anchors = 4  # the anchors that `page.md#heading` means

# A single backtick in our docstrings means code.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True}
autoclass_content = "both"  # a class, and how it is made
autodoc_preserve_defaults = True
add_module_names = False

nitpicky = True
# Names of others, whose pages no build without a network can link to.
FOREIGN_MODULES = "|".join([*sys.stdlib_module_names, "numpy", "np", "qiskit"])
nitpick_ignore_regex = [(r"py:\w+", rf"({FOREIGN_MODULES})\..+"), ("py:class", "NDArray|Figure|DataFrame")]

# Sphinx writes out what these stand for, some over several lines; by their names they can be read, and looked up.
ALIASES = {
    stringify_annotation(alias, "smart"): f"~{name}"
    for name, alias in (
        ("qserver.json_types.JsonValue", JsonValue),
        ("qiskit.primitives.containers.sampler_pub.SamplerPubLike", SamplerPubLike),
        ("qiskit.primitives.containers.estimator_pub.EstimatorPubLike", EstimatorPubLike),
        ("qserver.qiskit.circuit_runs.Binds", Binds),
    )
}


def name_aliases(
    _app: "Sphinx", _kind: str, _name: str, _what: object, _options: object, arguments: str | None, given: str | None
) -> tuple[str | None, str | None]:
    """Put the names of type aliases into a signature."""
    for written_out, name in ALIASES.items():
        arguments = arguments and arguments.replace(written_out, name)
        given = given and given.replace(written_out, name)
    return arguments, given


def add_commands(_app: "Sphinx", page: str, source: list[str]) -> None:
    """Put below the page about the command line what Typer says of the program."""
    if page == COMMANDS_PAGE:
        command = [sys.executable, "-m", "typer", "qserver.cli.app", "utils", "docs", "--name", "qserver"]
        source[0] += "\n" + subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def setup(app: "Sphinx") -> None:
    """Hear of each page before it is parsed, and of each signature."""
    app.connect("autodoc-process-signature", name_aliases)
    app.connect("source-read", add_commands)
