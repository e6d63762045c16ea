"""Services can't be looked into by who runs as the same user, whatever else keeps simulators from trying."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import is_running
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]

# The two must be of the same rights: who has a capability may look at who has none, and is not looked at by them.
AS_ANY_USER = """
import os, sys
from qserver.sandbox.prctl import renounce_privileges

renounce_privileges()
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
LOOK = """
import sys
for file in ("environ", "mem"):
    try:
        open(f"/proc/{sys.argv[1]}/{file}", "rb").close()
    except PermissionError:
        print("denied")
    else:
        print("open")
"""
WAIT = "import threading; print('ready', flush=True); threading.Event().wait()"
HIDE_AND_WAIT = f"from qserver.sandbox.prctl import hide_from_others; hide_from_others(); {WAIT}"


@contextmanager
def running(command: Sequence[str], variables: Mapping[str, str], *, log: Path) -> Iterator[int]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **variables}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", AS_ANY_USER, *command], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        # Before that it has rights that whoever looks has not.
        wait_until(lambda: arguments_of(process.pid) == [*command], what="the command itself runs")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def arguments_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:-1]


def look_into(pid: int) -> list[str]:
    look = subprocess.run(
        [sys.executable, "-c", AS_ANY_USER, "-c", LOOK, str(pid)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return look.stdout.split()


def test_what_does_not_hide_can_be_looked_into(tmp_path: Path) -> None:
    with running(["-c", WAIT], {}, log=tmp_path / "log") as pid:
        wait_until(lambda: (tmp_path / "log").read_text() == "ready\n")

        assert look_into(pid) == ["open", "open"]


def test_what_hides_can_not(tmp_path: Path) -> None:
    with running(["-c", HIDE_AND_WAIT], {}, log=tmp_path / "log") as pid:
        wait_until(lambda: (tmp_path / "log").read_text() == "ready\n")

        assert look_into(pid) == ["denied", "denied"]


@pytest.mark.parametrize("service", ["jobs_server", "rest_api", "worker", "janitor", "standalone"])
def test_a_service_hides(tmp_path: Path, service: str) -> None:
    variables = {
        "QSERVER_DATABASE_URL": f"sqlite:///{tmp_path / 'qserver.db'}",
        "QSERVER_BROKER_URL": "memory://",
        "QSERVER_PLUGIN_FOLDER": str(tmp_path / "plugins"),
        "QSERVER_GRPC_PORT": "0",
        "QSERVER_HTTP_PORT": "0",
    }
    arguments = ["up", "--data", str(tmp_path / "data")] if service == "standalone" else []
    with running(["-m", service, *arguments], variables, log=tmp_path / "log") as pid:
        wait_until(lambda: look_into(pid) == ["denied", "denied"], what=f"{service} hides")

        assert is_running(pid), (tmp_path / "log").read_text()
