"""The wheel in an environment of its own: the client alone, then circuits of Cirq and PennyLane."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.servers.standalone import REPOSITORY, Standalone, standalone_environment

INSTALL_SECONDS = 900
KEPT_ENVIRONMENT = REPOSITORY / ".venv" / "cirq-and-pennylane"
CORE_ONLY = """
import importlib.util, sys
from qserver import Client
result = Client().submit(open(sys.argv[1]).read(), shots=100, results=["counts", "memory"]).result(timeout_seconds=60)
heavy = [name for name in ("numpy", "qiskit", "pydantic", "pika", "structlog") if importlib.util.find_spec(name)]
print((sorted(result.counts), len(result.memory), heavy))
"""


def _call(*command: str | Path, timeout_seconds: float = INSTALL_SECONDS, **variables: str) -> str:
    # From a folder without the sources, or Python would find those and not what is installed.
    finished = subprocess.run(
        command,
        cwd=Path(command[0]).parent,
        env=_environment() | variables,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def _environment() -> dict[str, str]:
    return {name: value for name, value in standalone_environment().items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(REPOSITORY)]
    _call(sys.executable, *build)
    (built,) = folder.glob("qserver_sdk-*.whl")
    return built


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A fresh environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    _call(sys.executable, "-m", "venv", folder)
    _call(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--only-binary=:all:", wheel)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def python_of_others(wheel: Path) -> Path:
    """An environment with Cirq and PennyLane, which take minutes: made on first use and kept beside ours."""
    python = KEPT_ENVIRONMENT / "bin" / "python"
    if not (KEPT_ENVIRONMENT / "ready").exists():
        _call(sys.executable, "-m", "venv", "--clear", KEPT_ENVIRONMENT)
        _call(python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", wheel, "cirq-core", "pennylane")
        (KEPT_ENVIRONMENT / "ready").touch()
    _call(python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", wheel)
    return python


@pytest.mark.timeout(2 * INSTALL_SECONDS)
def test_the_client_runs_a_job_with_nothing_heavy_beside_it(python: Path, box: Standalone) -> None:
    shown = _call(python, "-c", CORE_ONLY, REPOSITORY / "examples" / "bell.qasm", QSERVER_URL=box.url)

    assert ast.literal_eval(shown) == (["00", "11"], 100, [])


@pytest.mark.timeout(2 * INSTALL_SECONDS)
def test_the_wheel_tells_type_checkers_that_it_is_annotated(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        assert "qserver/py.typed" in files.namelist()


def test_the_command_says_which_extra_it_needs(python: Path) -> None:
    finished = subprocess.run(
        [python.parent / "qserver", "health"], env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 2
    assert "pip install 'qserver-sdk[cli]'" in finished.stderr


@pytest.mark.timeout(2 * INSTALL_SECONDS)
def test_circuits_of_cirq_and_pennylane_run_through_their_own_openqasm(python_of_others: Path, box: Standalone) -> None:
    for name in ("cirq_bell.py", "pennylane_bell.py"):
        counts = ast.literal_eval(_call(python_of_others, REPOSITORY / "examples" / name, QSERVER_URL=box.url))

        assert set(counts) == {"00", "11"}
        assert sum(counts.values()) == 1000
