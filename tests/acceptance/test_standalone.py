"""Standalone is a real mode: one command shows results, and a killed server goes on where it was."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import descendants_of, is_running
from tests.servers.standalone import REPOSITORY, Standalone, standalone_environment
from tests.waiting import PATIENCE_SECONDS, wait_until

BELL = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
SLOW = (  # some ten seconds on two cores
    'OPENQASM 3.0; include "stdgates.inc"; qubit[24] q; bit[24] c; '
    + "".join(f"h q[{qubit}]; " for qubit in range(24))
    + "".join(f"cu(0.1, 0.2, 0.3, 0.4) q[{step % 24}], q[{(step + 7) % 24}]; " for step in range(60))
    + "c = measure q;"
)
JOBS_SECONDS = 240  # two slow jobs, run again from the start, where ten others share the cores


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Standalone]:
    server = Standalone(tmp_path / "data")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.mark.timeout(480)
def test_a_killed_server_goes_on_where_it_was(standalone: Standalone) -> None:
    finished = standalone.submit(BELL)
    wait_until(lambda: standalone.status(finished) == "finished", timeout_seconds=60, what="the first job has finished")
    result = standalone.http.get(f"/api/v1/job/result/{finished}").json()
    slow = [standalone.submit(SLOW) for _ in range(2)]
    pending = [standalone.submit(BELL) for _ in range(20)]
    wait_until(lambda: "running" in map(standalone.status, slow), timeout_seconds=60, what="a slow job runs")

    standalone.kill_alone()
    standalone.start()

    assert standalone.http.get(f"/api/v1/job/result/{finished}").json() == result
    wait_until(
        lambda: all(standalone.status(job_id) == "finished" for job_id in (*pending, *slow)),
        timeout_seconds=JOBS_SECONDS,
        what="every job has finished",
    )
    standalone.stop()
    assert "Traceback" not in standalone.log


def test_a_killed_server_leaves_no_folder_and_others_read_none_of_its_files(tmp_path: Path) -> None:
    temporary, data = tmp_path / "t", tmp_path / "data"
    temporary.mkdir()
    data.mkdir(mode=0o755)
    server = Standalone(data, TMPDIR=str(temporary))
    try:
        server.start()
        server.kill_alone()
        left = set(temporary.iterdir())
        server.start()
        assert left.isdisjoint(temporary.iterdir())

        readable = [path for path in data.rglob("*") if path.stat().st_mode & 0o077]
        server.stop()
    finally:
        server.close()

    assert left
    assert readable == []
    assert list(temporary.iterdir()) == []


def test_children_end_when_their_parent_is_killed(standalone: Standalone) -> None:
    job_id = standalone.submit(SLOW)
    wait_until(lambda: standalone.status(job_id) == "running", timeout_seconds=60, what="the job runs")
    children = descendants_of(standalone.pid)

    standalone.kill_alone()

    assert children
    wait_until(lambda: not any(map(is_running, children)), what="all children have ended")


def test_a_data_folder_has_one_server(standalone: Standalone) -> None:
    second = subprocess.run(
        standalone.arguments,
        env=standalone_environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert "is in use by another QServer" in second.stderr
    assert "Traceback" not in second.stderr


def test_ctrl_c_ends_it_in_order_and_leaves_nothing_running(standalone: Standalone) -> None:
    children = descendants_of(standalone.pid)

    os.kill(standalone.pid, signal.SIGINT)

    wait_until(lambda: not standalone.has_a_process(), timeout_seconds=60, what="the server has ended")
    wait_until(lambda: not any(map(is_running, children)), what="all children have ended")
    assert "Traceback" not in standalone.log


def _demo_command(folder: Path) -> list[str]:
    ports = ["--grpc-port", "0", "--http-port", "0"]
    return [sys.executable, "-m", "standalone", "demo", "--once", *ports, "--data", str(folder)]


def _demonstrate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_demo_command(folder), *arguments],
        env=standalone_environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.timeout(180)
def test_the_demonstration_shows_the_counts_of_bell_and_ghz(tmp_path: Path) -> None:
    shown = _demonstrate(tmp_path)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stderr == ""
    assert re.findall(r"^  ([01]+)  █", shown.stdout, re.MULTILINE)
    assert set(re.findall(r"^  ([01]+)  █", shown.stdout, re.MULTILINE)) == {"00", "11", "00000", "11111"}
    assert shown.stdout.count("= +1.000000") == 4


@pytest.mark.timeout(180)
def test_the_demonstration_runs_a_circuit_of_ones_own(tmp_path: Path) -> None:
    circuit = tmp_path / "mine.qasm"
    circuit.write_text("OPENQASM 3.0; qubit[3] q; bit[3] c; U(pi, 0, pi) q[1]; c = measure q;")

    shown = _demonstrate(tmp_path / "data", "--circuit", str(circuit), "--shots", "5000")

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"^  010  █+ +5000 100.00%$", shown.stdout, re.MULTILINE)


@pytest.mark.timeout(240)
def test_ctrl_c_in_the_demonstration_cancels_its_job(tmp_path: Path) -> None:
    circuit = tmp_path / "slow.qasm"
    circuit.write_text(SLOW)
    command = [*_demo_command(tmp_path / "data"), "--circuit", str(circuit)]
    demonstration = subprocess.Popen(
        command, env=standalone_environment(), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert demonstration.stdout is not None
    for line in demonstration.stdout:
        if " running" in line:
            break

    demonstration.send_signal(signal.SIGINT)

    rest, _ = demonstration.communicate(timeout=PATIENCE_SECONDS)
    assert demonstration.returncode == 1
    assert " canceled" in rest


@pytest.mark.timeout(180)
def test_the_demonstration_tells_why_a_circuit_is_refused(tmp_path: Path) -> None:
    circuit = tmp_path / "broken.qasm"
    circuit.write_text('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nhh q[0];')

    shown = _demonstrate(tmp_path / "data", "--circuit", str(circuit))

    assert shown.returncode == 1
    assert "refused: " in shown.stdout
    assert "hh" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr
