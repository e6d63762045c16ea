"""Plans made a moment ago."""

from dataclasses import replace

import pytest

from jobs_server.plan_memory import PlanMemory
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest
from qserver.jobs import RunRequest
from qserver.plugins import Plan, Resources
from qserver.results import ResultType
from tests.bell import BELL_PROFILE
from tests.unit.jobs_server.builders import plan

RUN = RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS}), options={"device": "CPU"})
NOTHING_KNOWN = Resources(memory_bytes=0, gpu_memory_bytes=0, cores=0)


class CountingPlanner:
    """Counts how often it is asked, and says so in the plan."""

    def __init__(self) -> None:
        self.asked = 0
        self.fault: Exception | None = None

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:  # noqa: ARG002 - as called
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return plan(seconds=self.asked)


def test_the_same_question_is_asked_once() -> None:
    planner, memory = CountingPlanner(), PlanMemory()

    plans = [memory.plan(planner, replace(BELL_PROFILE), replace(RUN), NOTHING_KNOWN) for _ in range(3)]

    assert planner.asked == 1
    assert plans == [plan(seconds=1)] * 3


@pytest.mark.parametrize(
    ("profile", "run", "resources"),
    [
        (replace(BELL_PROFILE, size=99), RUN, NOTHING_KNOWN),
        (None, RUN, NOTHING_KNOWN),
        (BELL_PROFILE, replace(RUN, shots=5), NOTHING_KNOWN),
        (BELL_PROFILE, replace(RUN, options={"device": "GPU"}), NOTHING_KNOWN),
        (BELL_PROFILE, RUN, replace(NOTHING_KNOWN, memory_bytes=1)),
    ],
)
def test_another_question_is_asked_anew(profile: CircuitProfile | None, run: RunRequest, resources: Resources) -> None:
    planner, memory = CountingPlanner(), PlanMemory()
    memory.plan(planner, BELL_PROFILE, RUN, NOTHING_KNOWN)

    assert memory.plan(planner, profile, run, resources) == plan(seconds=2)


def test_another_planner_is_asked_itself() -> None:
    first, second, memory = CountingPlanner(), CountingPlanner(), PlanMemory()
    for planner in (first, second):
        memory.plan(planner, BELL_PROFILE, RUN, NOTHING_KNOWN)

    assert (first.asked, second.asked) == (1, 1)


def test_a_refusal_is_not_remembered() -> None:
    planner, memory = CountingPlanner(), PlanMemory()
    memory.plan(planner, BELL_PROFILE, RUN, NOTHING_KNOWN)
    planner.fault = InvalidRequest("too many qubits")
    with pytest.raises(InvalidRequest):
        memory.plan(planner, None, RUN, NOTHING_KNOWN)
    planner.fault = None

    assert memory.plan(planner, None, RUN, NOTHING_KNOWN) == plan(seconds=3)
