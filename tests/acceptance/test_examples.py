"""Every script in examples/ runs against a whole server and says what it should."""

import ast
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.standalone import REPOSITORY, Standalone, standalone_environment

EXAMPLES = REPOSITORY / "examples"
OF_OTHER_PACKAGES = {"cirq_bell.py", "pennylane_bell.py", "pennylane_plugin.py"}  # in modules of their own
SECONDS = 200


def _run(name: str, box: Standalone) -> str:
    environment = standalone_environment() | {"QSERVER_URL": box.url, "QSERVER_GRPC_ADDRESS": box.grpc_address}
    finished = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_no_example_is_forgotten() -> None:
    tested = set(re.findall(r'_run\("(\w+\.py)"', Path(__file__).read_text()))

    assert {path.name for path in EXAMPLES.glob("*.py")} == tested | OF_OTHER_PACKAGES


def test_a_bell_pair(box: Standalone) -> None:
    shown = _run("bell.py", box)

    counts = ast.literal_eval(re.findall(r"^counts (.+)$", shown, re.MULTILINE)[0])
    values = ast.literal_eval(re.findall(r"= (.+)$", shown, re.MULTILINE)[0])
    assert set(counts) == {"00", "11"}
    assert values == pytest.approx((1.0, 1.0))


def test_a_noisy_ghz_state_loses_its_coherence(box: Standalone) -> None:
    shown = _run("noisy_ghz.py", box)

    coherence = [float(value) for value in re.findall(r"<XXXXX> = (\S+),", shown)]
    assert coherence[0] == pytest.approx(1.0)
    assert coherence == sorted(coherence, reverse=True)
    # Each of 4 gates lets <XXXXX> shrink by its probability: all that is not the identity's share is lost.
    assert coherence[1:] == pytest.approx([0.99**4, 0.98**4, 0.95**4], abs=1e-4)


def test_a_thousand_circuits(box: Standalone) -> None:
    shown = _run("thousand_circuits.py", box)

    # 1,000 shots deviate by sqrt(p (1 - p) / 1000), over all angles by 0.0112 (root of the mean square), which 1,000
    # circuits tell to 2.5 %: the bounds are eight standard errors away.
    assert 0.009 < float(re.findall(r"deviation .*: (\S+)$", shown)[0]) < 0.0134


def test_a_variational_eigensolver(box: Standalone) -> None:
    shown = _run("vqe.py", box)

    found, exact = map(float, re.findall(r"found (\S+), exact (\S+)$", shown, re.MULTILINE)[0])
    assert exact - 1e-3 < found < exact + 0.1


def test_a_table_of_parameters(box: Standalone) -> None:
    shown = _run("parameter_sweep.py", box)

    lines = re.findall(r"<ZI> = (\S+), <XX> = (\S+), (.+)$", shown, re.MULTILINE)
    angles = [place * math.pi / 6 for place in range(7)]
    assert [float(agreement) for agreement, _, _ in lines] == pytest.approx(list(map(math.cos, angles)), abs=1e-4)
    assert [float(coherence) for _, coherence, _ in lines] == pytest.approx(list(map(math.sin, angles)), abs=1e-4)
    counts = [ast.literal_eval(found) for _, _, found in lines]
    assert counts[0] == {"00": 1000}
    assert counts[-1] == {"11": 1000}
    assert all(set(found) <= {"00", "11"} for found in counts)


def test_jobs_in_asyncio(box: Standalone) -> None:
    shown = _run("asyncio_jobs.py", box)

    assert "bell is finished" in shown
    assert [set(ast.literal_eval(line)) for line in shown.splitlines() if line.startswith("{")] == [
        {"00", "11"},
        {"00000", "11111"},
    ]


def test_the_generated_stubs_alone(box: Standalone) -> None:
    assert "JOB_STATUS_FINISHED" in _run("submit.py", box)
