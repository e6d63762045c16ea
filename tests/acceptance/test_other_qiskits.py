"""The client runs in any Qiskit that it says it takes, whichever the server has."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.acceptance.environments import INSTALL_SECONDS, PROGRAMS, RUN_SECONDS, run_in
from tests.servers.standalone import Standalone

LEAST_P_VALUE = 1e-7


@pytest.mark.parametrize(("environment", "version"), [("oldest-qiskit", "2.0.0"), ("pennylane-qiskit", "2.3.0")])
@pytest.mark.timeout(INSTALL_SECONDS + RUN_SECONDS)
def test_primitives_and_circuits_give_what_qiskits_own_do(environment: str, version: str, box: Standalone) -> None:
    outcomes: Mapping[str, Any] = json.loads(run_in(environment, PROGRAMS / "primitives.py", QSERVER_URL=box.url))

    assert outcomes["qiskit"] == version
    for values, exact in zip(outcomes["values"], outcomes["exact values"], strict=True):
        assert values == pytest.approx(exact, abs=1e-9)
    for counts, probabilities in zip(outcomes["counts"], outcomes["probabilities"], strict=True):
        assert_drawn_from(probabilities, counts)
    assert [set(counts) for counts in outcomes["bell"]] == [{"00", "11"}] * 2


def assert_drawn_from(probabilities: Mapping[str, float], counts: Mapping[str, int]) -> None:
    drawn = [counts.get(bits, 0) for bits in probabilities]
    assert sum(drawn) == sum(counts.values())
    assert chisquare(drawn, np.array(list(probabilities.values())) * sum(drawn)).pvalue > LEAST_P_VALUE
