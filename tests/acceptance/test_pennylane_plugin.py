"""PennyLane's own Qiskit plugin runs QNodes on the server, and gives what PennyLane's simulator does."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.acceptance.environments import INSTALL_SECONDS, PROGRAMS, RUN_SECONDS, run_in
from tests.servers.standalone import REPOSITORY, Standalone

ENVIRONMENT = "pennylane-qiskit"
SHOTS = 10_000
SIGMAS = 5.5  # one in 25 million deviates more
LEAST_P_VALUE = 1e-7

pytestmark = pytest.mark.timeout(INSTALL_SECONDS + RUN_SECONDS)


@pytest.fixture(scope="module")
def found(box: Standalone) -> Mapping[str, Any]:
    """What the plugin's device and `default.qubit` gave for the same QNodes."""
    program = PROGRAMS / "pennylane_plugin.py"
    outcomes: Mapping[str, Any] = json.loads(run_in(ENVIRONMENT, program, QSERVER_URL=box.url))
    return outcomes


def test_expectation_values_are_those_of_pennylanes_own_simulator(found: Mapping[str, Any]) -> None:
    hamiltonian, product, pauli, _ = found["values"]
    exact = found["exact values"]

    # A sum deviates at most by the sum of what its terms do, each at most by 1 / sqrt(shots).
    assert hamiltonian == pytest.approx(exact[0], abs=SIGMAS * 1.75 / math.sqrt(SHOTS))
    assert found["value in a session"] == pytest.approx(exact[0], abs=SIGMAS * 1.75 / math.sqrt(SHOTS))
    assert product == pytest.approx(exact[1], abs=SIGMAS / math.sqrt(SHOTS))
    assert pauli == pytest.approx(exact[2], abs=SIGMAS / math.sqrt(SHOTS))


def test_a_variance_is_that_of_pennylanes_own_simulator(found: Mapping[str, Any]) -> None:
    # The plugin makes it of the expectation value: 1 - <Z>^2 deviates at most twice as far as <Z>.
    assert found["values"][3] == pytest.approx(found["exact values"][3], abs=2 * SIGMAS / math.sqrt(SHOTS))


def test_counts_samples_and_probabilities_follow_the_state(found: Mapping[str, Any]) -> None:
    of_all, of_two = found["exact shares"]
    counts = [found["counts"][f"{outcome:03b}"] for outcome in range(8)]
    samples = Counter(2 * first + second for first, second in found["samples"])

    assert sum(counts) == samples.total() == SHOTS
    for drawn, expected in (
        (counts, of_all),
        ([samples[outcome] for outcome in range(4)], of_two),
        (np.multiply(found["shares"][0], SHOTS), of_all),
        (np.multiply(found["shares"][1], SHOTS), of_two),
    ):
        assert chisquare(drawn, np.multiply(expected, SHOTS)).pvalue > LEAST_P_VALUE


def test_a_step_down_the_gradient_is_the_one_that_pennylanes_own_simulator_takes(found: Mapping[str, Any]) -> None:
    step, exact = found["step"], found["exact step"]

    # The shift rule of CRX has four terms, whose coefficients sum to less than 2; that of the others two with 1/2.
    assert step["gradient"] == pytest.approx(exact["gradient"], abs=2 * SIGMAS * 1.75 / math.sqrt(SHOTS))
    assert step["after"] < step["before"]
    assert exact["after"] < exact["before"]


def test_a_seed_among_the_devices_options_repeats_counts(found: Mapping[str, Any]) -> None:
    first, second = found["seeded"]

    assert first == second != found["counts"]


def test_a_noise_model_given_to_the_device_is_the_servers(found: Mapping[str, Any]) -> None:
    # A two-qubit depolarizing error of 0.1 leaves 0.9 of <ZZ>.
    assert found["agreement"] == 1.0
    assert found["agreement with noise"] == pytest.approx(0.9, abs=SIGMAS / math.sqrt(SHOTS))


def test_the_example_finds_the_lowest_energy(box: Standalone) -> None:
    example = REPOSITORY / "examples" / "pennylane_plugin.py"

    shown = run_in(ENVIRONMENT, example, QSERVER_URL=box.url)

    energies = [float(line.rpartition(" ")[2]) for line in shown.splitlines()]
    assert energies[0] > energies[-1]
    assert energies[-1] == pytest.approx(-math.sqrt(2), abs=0.15)
