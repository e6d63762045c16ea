"""The commands in our pages run as they stand there: those of a page in one shell, in order, as a reader gives them."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qserver.access.keys import make_key
from tests.not_run import commands_of
from tests.servers.standalone import REPOSITORY, Standalone, standalone_environment

OPEN_PAGES: Mapping[str, tuple[str, ...]] = {
    "README.md": (
        r'"status":"finished"',
        r'"counts":\{"(00|11)":\d+,"(00|11)":\d+\}',
        r"qserver\.v1\.JobService",
        r'"status": ?"JOB_STATUS_PENDING"',
    ),
    "docs/quickstart.md": (r"^  00  █", r"^  11  █", r'^  "file": "ghz5.qasm"$'),
    "docs/howto/command-line.md": (
        r"^[0-9a-f-]{36}  bell.qasm$",
        r"^  00000  █",
        r"<0> = \+1\.000000",
        r'^\{.*"counts":',
        r"^aer_stabilizer ",
        r"^status +(pending|running)$",
    ),
}
"""Each with what stands in the output."""

KEYED_PAGES: Mapping[str, tuple[str, ...]] = {
    "docs/howto/limits.md": (r'"quotas":',),
    "docs/howto/users-and-keys.md": (
        r'"name":"admin"',
        r'"name":"ada"',
        r'"key":"\w+',
        r'"disabled_at":"',
        r"\}\{\}$",  # no jobs yet
    ),
}
"""Those of a server that asks for the administrator's, which they call `$key`."""

PAGES = {**OPEN_PAGES, **KEYED_PAGES}
SECONDS = 240
SLOW = (
    'OPENQASM 3.0; include "stdgates.inc"; qubit[24] q; bit[24] c; '
    + "".join(f"cu(0.1,0.2,0.3,0.4) q[{step % 24}], q[{(step + 7) % 24}]; " for step in range(200))
    + "c = measure q;"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder: the files that our pages speak of, and the programs."""
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    (tmp_path / "circuits").mkdir()
    for name in ("bell.qasm", "ghz5.qasm"):
        text = (REPOSITORY / "examples" / name).read_text()
        (tmp_path / name).write_text(text)
        (tmp_path / "circuits" / name).write_text(text)
    (tmp_path / "key.txt").write_text("\n")  # a server that asks for none
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "grpcurl").symlink_to(REPOSITORY / "tests" / "acceptance" / "grpcurl")
    (programs / "qserver").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m qserver.cli.__main__ "$@"\n')
    (programs / "qserver").chmod(0o755)
    return tmp_path


@pytest.fixture(scope="module")
def admin_key() -> str:
    """The key of an administrator."""
    return make_key()


@pytest.fixture(scope="module")
def guarded_box(tmp_path_factory: pytest.TempPathFactory, admin_key: str) -> Iterator[Standalone]:
    """A server that asks for keys."""
    folder = tmp_path_factory.mktemp("guarded") / "data"
    server = Standalone(folder, QSERVER_AUTH="required", QSERVER_ADMIN_KEY=admin_key)
    try:
        server.start()
        yield server
    finally:
        server.close()


def _run(script: str, folder: Path, **variables: str) -> str:
    """Run a script, which stops at the first command that fails; gives what it wrote."""
    environment = standalone_environment()
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{environment['PATH']}"
    plain = {"PATH": path, "XDG_CONFIG_HOME": str(folder / "config"), "COLUMNS": "80", "NO_COLOR": "1"}
    finished = subprocess.run(
        ["timeout", str(SECONDS), "bash", "-euxo", "pipefail", "-c", script],  # ends what the script started, too
        cwd=folder,
        env=environment | plain | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def _with_the_addresses_of(box: Standalone, script: str) -> str:
    """Put the box of the test in the place of the reader's."""
    for written, own in (
        ("https://box", box.url),
        ("localhost:8080", box.url.removeprefix("http://")),
        ("localhost:50051", box.grpc_address),
        ("box:443", box.grpc_address),
        ("grpcurl -insecure", "grpcurl -plaintext"),
        ("2027-07-31", f"{datetime.now(tz=UTC).year + 1}-07-31"),
    ):
        script = script.replace(written, own)
    return script


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("page", OPEN_PAGES)
def test_the_commands_of_a_page_run(page: str, box: Standalone, folder: Path) -> None:
    (folder / "slow.qasm").write_text(SLOW)
    url = {} if "qserver login" in commands_of(page) else {"QSERVER_URL": box.url}

    shown = _run(_with_the_addresses_of(box, commands_of(page)), folder, **url)

    assert _missing(page, shown) == [], shown


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("page", KEYED_PAGES)
def test_the_commands_of_a_page_run_with_a_key(
    page: str, guarded_box: Standalone, admin_key: str, folder: Path
) -> None:
    script = _with_the_addresses_of(guarded_box, commands_of(page))

    shown = _run(script, folder, key=admin_key)

    assert _missing(page, shown) == [], shown


def _missing(page: str, shown: str) -> list[str]:
    return [expected for expected in PAGES[page] if not re.search(expected, shown, re.MULTILINE)]
