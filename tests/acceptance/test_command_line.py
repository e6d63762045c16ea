"""`qserver` as people and scripts call it, against a whole server: what it writes where, and how it ends."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from tests.servers.ports import free_port
from tests.servers.standalone import REPOSITORY, Standalone, standalone_environment

BELL = str(REPOSITORY / "examples" / "bell.qasm")
COMMAND = [sys.executable, "-m", "qserver.cli.__main__"]
SECONDS = 90

Run = Callable[..., subprocess.CompletedProcess[str]]


def _environment(folder: Path, url: str | None) -> dict[str, str]:
    plain = {"XDG_CONFIG_HOME": str(folder), "COLUMNS": "80", "NO_COLOR": "1", "TERM": "xterm"}
    return standalone_environment() | plain | ({"QSERVER_URL": url} if url else {})


@pytest.fixture
def run(box: Standalone, tmp_path: Path) -> Run:
    """Run a command against the box."""

    def run(*arguments: str, text: str = "", url: str | None = box.url) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=REPOSITORY,
            env=_environment(tmp_path, url),
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


def _documents(output: str) -> Sequence[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_files_and_globs_become_jobs_and_their_ids_can_be_piped_on(run: Run) -> None:
    submitted = run("submit", "examples/*.qasm", "-n", "100")
    results = run("result", "-", "--json", text=submitted.stdout)

    assert submitted.returncode == results.returncode == 0, submitted.stderr + results.stderr
    assert re.findall(r"^[0-9a-f-]{36}  (.+)$", submitted.stdout, re.MULTILINE) == [
        "examples/bell.qasm",
        "examples/ghz5.qasm",
    ]
    assert len(_documents(results.stdout)) == 2


def test_watching_shows_a_histogram_and_expectation_values(run: Run) -> None:
    shown = run("submit", "-", "--watch", "--shots", "1000", "-o", "ZZ", text=Path(BELL).read_text())

    assert shown.returncode == 0, shown.stderr
    assert set(re.findall(r"^  ([01]+)  █", shown.stdout, re.MULTILINE)) == {"00", "11"}
    assert "<0> = +1.000000" in shown.stdout
    assert shown.stderr == ""


def test_json_is_a_line_for_each_job_and_nothing_else(run: Run) -> None:
    shown = run("submit", BELL, BELL, "--json", "--watch", "--seed", "7", "-r", "counts,memory", "-n", "5")

    first, second = _documents(shown.stdout)
    assert first["file"] == second["file"] == BELL
    assert first["results"][0]["counts"] == second["results"][0]["counts"]  # type: ignore[index]
    assert len(first["results"][0]["memory"]) == 5  # type: ignore[index]


def test_a_bad_file_is_named_with_its_place_and_sinks_no_other(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.qasm"
    bad.write_text('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nhh q[0];')

    shown = run("submit", str(bad), BELL, "--json")

    refused, accepted = _documents(shown.stdout)
    assert shown.returncode == 3
    assert refused["error"]["line"] == 4  # type: ignore[index]
    assert accepted["id"]
    assert shown.stderr.startswith(f"{bad}: line 4, column 1: ")


def test_a_job_can_be_listed_shown_drawn_and_deleted(run: Run, tmp_path: Path) -> None:
    job_id = run("submit", BELL).stdout.split()[0]
    picture = tmp_path / "counts.svg"

    drawn = run("result", job_id, "--plot", str(picture))
    listed = run("jobs", "--limit", "1")
    shown, told = run("show", job_id, "--json"), run("show", job_id)
    canceled, deleted, gone = run("cancel", job_id), run("delete", job_id), run("show", job_id)

    assert drawn.returncode == 0, drawn.stderr
    assert "<svg" in picture.read_text()
    assert job_id in listed.stdout
    document = _documents(shown.stdout)[0]
    assert document["status"] == "finished"
    assert [(event["status"], event["actor"]) for event in document["events"]][::2] == [  # type: ignore[attr-defined]
        ("pending", "anonymous"),
        ("finished", ""),
    ]
    assert re.search(r"pending +by anonymous +from 127\.0\.0\.1", told.stdout), told.stdout
    assert (canceled.returncode, deleted.returncode, gone.returncode) == (3, 0, 5)
    assert f"there is no job {job_id}" in gone.stderr


def _interrupted(process: subprocess.Popen[str]) -> int:
    """Press Ctrl-C, again where Python lost the first one (it may fall into a callback that swallows it)."""
    try:
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=10)
        raise AssertionError("Ctrl-C doesn't end it")
    finally:
        process.kill()


def test_the_list_of_jobs_is_followed_by_push(run: Run, box: Standalone, tmp_path: Path) -> None:
    before = _documents(run("submit", BELL, "--watch", "--json").stdout)[0]["id"]
    command = [*COMMAND, "jobs", "--follow", "--json", "--limit", "1"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=_environment(tmp_path, box.url), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        after = _documents(run("submit", BELL, "--watch", "--json").stdout)[0]["id"]
        seen = {"status": "unknown"}
        while (seen.get("id"), seen["status"]) != (after, "finished"):  # jobs of other tests may end meanwhile
            seen = json.loads(process.stdout.readline())
        status = _interrupted(process)

    assert (first["id"], first["status"]) == (before, "finished")
    assert status == 130


def test_a_timeout_and_a_failed_job_have_a_status_of_their_own(run: Run, tmp_path: Path) -> None:
    slow = tmp_path / "slow.qasm"
    gates = "".join(f"cu(0.1,0.2,0.3,0.4) q[{step % 24}], q[{(step + 7) % 24}]; " for step in range(200))
    slow.write_text(f'OPENQASM 3.0; include "stdgates.inc"; qubit[24] q; bit[24] c; {gates} c = measure q;')

    late = run("submit", str(slow), "-b", "aer_statevector", "--watch", "--timeout", "0.1")
    job_id = _documents(run("jobs", "--json", "--limit", "1").stdout)[0]["id"]
    canceled, result = run("cancel", str(job_id)), run("result", str(job_id))

    assert (late.returncode, canceled.returncode, result.returncode) == (8, 0, 4)
    assert "not over yet" in late.stderr
    assert "was canceled" in result.stderr


def test_what_the_server_has_is_listed(run: Run) -> None:
    backends, workers, plugins, health = (run(word) for word in ("backends", "workers", "plugins", "health"))

    assert "aer_stabilizer" in backends.stdout
    assert "running_jobs" in workers.stdout
    assert "built_in" in plugins.stdout
    assert "is ok" in health.stdout
    assert "options_schema" in _documents(run("backends", "--json").stdout)[0]


def test_login_keeps_a_server_for_later_commands(run: Run, box: Standalone, tmp_path: Path) -> None:
    kept = run("login", box.url, "--key-stdin", text="\n", url=None)
    later = run("health", url=None)
    forgotten, lost = run("logout", box.url, url=None), run("health", url=None)

    assert kept.returncode == later.returncode == forgotten.returncode == 0, kept.stderr
    assert "You are anonymous" in kept.stderr
    assert (tmp_path / "qserver" / "keys.json").stat().st_mode & 0o777 == 0o600
    assert lost.returncode == 2
    assert "QSERVER_URL" in lost.stderr


def test_a_server_that_is_away_is_no_fault_of_the_command(run: Run) -> None:
    away = run("health", url=f"http://127.0.0.1:{free_port()}")

    assert away.returncode == 7
    assert "doesn't answer" in away.stderr
    assert "Traceback" not in away.stderr


@pytest.mark.parametrize("arguments", [["nonsense"], ["submit"], ["submit", BELL, "--option", "x"]])
def test_a_wrong_command_line_says_what_is_right(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["jobs", "--status", "bogus"], "status 'bogus' is unknown; known: pending"),
        (["submit", BELL, "--seed", str(2**70)], "seed is 1180591620717411303424"),
        (["result", str(UUID(int=0)), "--plot", "counts.bmp"], "must end in .png or .svg"),
        (["result", "-", "--plot", "counts.svg"], "--plot draws one job; 0 are named"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(run: Run, arguments: list[str], words: str) -> None:
    refused = run(*arguments)

    assert refused.returncode == 3
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_picture_that_can_not_be_written_is_named(run: Run, tmp_path: Path) -> None:
    job_id = run("submit", BELL).stdout.split()[0]

    refused = run("result", job_id, "--plot", str(tmp_path / "nowhere" / "counts.png"))

    assert refused.returncode == 3
    assert "counts.png: No such file or directory" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_tls_where_there_is_none_is_one_line(run: Run, box: Standalone) -> None:
    away = run("jobs", url=box.url.replace("http://", "https://"))

    assert away.returncode == 7
    assert "speaks no TLS: is it http://?" in away.stderr
    assert len(away.stderr.splitlines()) == 1


def test_at_a_terminal_a_job_is_followed_live(box: Standalone, tmp_path: Path) -> None:
    terminal, far_end = pty.openpty()
    command = [*COMMAND, "submit", BELL, "--watch"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=_environment(tmp_path, box.url), stdout=subprocess.DEVNULL, stderr=far_end
    ) as process:
        os.close(far_end)
        seen = _read_all(terminal)
        assert process.wait(timeout=SECONDS) == 0
    os.close(terminal)

    assert "examples/bell.qasm" in seen
    assert "finished" in seen


def _read_all(terminal: int) -> str:
    seen, deadline = b"", time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # its other end is closed
            break
        if not piece:
            break
        seen += piece
    return seen.decode(errors="replace")
