"""What it costs to bring a job to its simulator."""

from dataclasses import replace

import pytest

from jobs_server.loading import with_loading
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.jobs import Observable, PauliTerm, RunRequest
from qserver.results import ResultType
from qserver.sweeps import Sweep
from tests.bell import BELL_PLAN, BELL_PROFILE
from tests.unit.jobs_server.builders import BELL

RUN = RunRequest(backend="aer", result_types=frozenset({ResultType.EXPVAL}))
BELL_CIRCUIT = Circuit(CircuitFormat.OPENQASM2, BELL, Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, None))
MIB = 2**20


def test_the_plan_of_a_small_job_is_left_as_it_is() -> None:
    assert with_loading(BELL_PLAN, BELL_CIRCUIT, RUN) is BELL_PLAN


@pytest.mark.parametrize(
    ("circuit", "run"),
    [
        (replace(BELL_CIRCUIT, source=bytes(4 * MIB)), RUN),
        (replace(BELL_CIRCUIT, inspection=replace(BELL_CIRCUIT.inspection, qpy=bytes(4 * MIB))), RUN),
        (BELL_CIRCUIT, replace(RUN, sweep=Sweep(("a",), (MIB // 2,), bytes(4 * MIB)))),
        (BELL_CIRCUIT, replace(RUN, observables=(Observable((PauliTerm("ZZ", 1.0),) * 10_000),))),
        (BELL_CIRCUIT, replace(RUN, observables=(Observable((PauliTerm("Z" * 1000, 1.0),) * 4000),))),
    ],
    ids=["text", "qpy", "values", "many-terms", "wide-terms"],
)
def test_what_is_large_about_a_job_takes_time_to_load(circuit: Circuit, run: RunRequest) -> None:
    planned = with_loading(BELL_PLAN, circuit, run)

    assert 0.05 < planned.seconds - BELL_PLAN.seconds < 0.5
    assert replace(planned, seconds=BELL_PLAN.seconds) == BELL_PLAN
