"""Environments beside ours, made by `make` when a test first asks for one."""

import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.servers.standalone import REPOSITORY, standalone_environment

PROGRAMS = Path(__file__).parent / "programs"
INSTALL_SECONDS = 900
RUN_SECONDS = 400


@cache
def python_of(environment: str) -> Path:
    """Give the interpreter of an environment that the Makefile knows how to make."""
    ready = Path(".venv") / environment / "ready"
    subprocess.run(["make", ready, f"PYTHON={sys.executable}"], cwd=REPOSITORY, check=True, timeout=INSTALL_SECONDS)
    return REPOSITORY / ready.parent / "bin" / "python"


def run_in(environment: str, program: Path, **variables: str) -> str:
    """Run a program, with our client's sources beside it; gives what it printed."""
    finished = subprocess.run(
        [python_of(environment), program],
        cwd=REPOSITORY,
        env=standalone_environment() | variables,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
