import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from plugins.file_plugin import pip_process
from plugins.file_plugin.pip_process import (
    PipFailed,
    PipKilled,
    PipSession,
    PipTimedOut,
    clean_environment,
    pip_command,
)
from tests.processes import is_running
from tests.waiting import wait_until


def test_pip_sees_where_packages_come_from_and_no_secret() -> None:
    environ = {
        "PATH": "/bin",
        "https_proxy": "http://proxy",
        "PIP_INDEX_URL": "https://user:password@index/simple",
        "PIP_TARGET": "/elsewhere",
        "QSERVER_DATABASE_URL": "postgresql://secret",
        "PGPASSWORD": "secret",
        "PYTHONPATH": "/elsewhere",
    }

    kept = clean_environment(environ)

    assert sorted(kept) == ["PATH", "PIP_INDEX_URL", "https_proxy"]


def test_python_s_own_copy_of_pip_is_used_where_none_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_process, "find_spec", lambda _: None)

    command = pip_command()

    assert b"pip" in subprocess.run([*command, "--version"], check=True, capture_output=True).stdout


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    pid_file.touch()

    for seconds in (1, 20):  # a busy machine may need more than the first to start anything
        with pytest.raises(PipTimedOut, match=f"took longer than {seconds} s"):
            PipSession(timeout_seconds=seconds)._run([sys.executable, "-c", _SLEEP_IN_A_GRANDCHILD, str(pid_file)])
        if pid_file.read_text():
            break

    wait_until(lambda: not is_running(int(pid_file.read_text())), what="what it started has ended")


def test_killing_ends_the_command_and_refuses_the_next(tmp_path: Path) -> None:
    session = PipSession(timeout_seconds=60.0)
    Timer(0.2, session.kill).start()

    for _ in range(2):
        with pytest.raises(PipKilled):
            session._run([sys.executable, "-c", _SLEEP_IN_A_GRANDCHILD, str(tmp_path / "pid")])


def test_a_command_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    starter = subprocess.Popen([sys.executable, "-c", _START_IN_A_SESSION, _SLEEP_IN_A_GRANDCHILD, str(pid_file)])
    wait_until(lambda: pid_file.exists() and pid_file.read_text() != "", what="it started")

    starter.kill()
    starter.wait()

    wait_until(lambda: not is_running(int(pid_file.read_text())), what="the command ended")


def test_a_command_that_fails_without_a_word_has_a_sentence() -> None:
    with pytest.raises(PipFailed, match="pip said nothing"):
        PipSession(timeout_seconds=20.0)._run(["false"])


def test_the_time_limit_is_for_all_calls_together() -> None:
    session = PipSession(timeout_seconds=0.001)
    wait_until(lambda: time.monotonic() > session._ends_at, what="the time is up")

    with pytest.raises(PipTimedOut):
        session._run([sys.executable, "-c", ""])


_SLEEP_IN_A_GRANDCHILD = """
import pathlib, subprocess, sys
process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(process.pid))
process.wait()
"""

_START_IN_A_SESSION = f"""
import sys
sys.path.insert(0, {str(Path.cwd())!r})
from plugins.file_plugin.pip_process import PipSession
PipSession(timeout_seconds=600)._run([sys.executable, "-c", *sys.argv[1:]])
"""
