"""Plans made a moment ago: jobs that come together are mostly alike."""

from dataclasses import dataclass
from typing import Protocol

from qserver.circuits import CircuitProfile
from qserver.jobs import RunRequest
from qserver.plugins import Plan, Resources


class Planner(Protocol):
    """The part of a plugin that plans: purely, by what it is given."""

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Plan one run. Raises InvalidRequest where it can't be met."""


@dataclass(frozen=True, slots=True)
class _Question:
    """All that a plan depends on."""

    planner: Planner
    profile: CircuitProfile | None
    run: RunRequest
    resources: Resources


class PlanMemory:
    """Remembers one plan, the last: planning takes a seventh of what jobs_server does for a job in a batch."""

    def __init__(self) -> None:
        """Remember none."""
        self._question: _Question | None = None
        self._plan: Plan | None = None

    def plan(self, planner: Planner, profile: CircuitProfile | None, run: RunRequest, resources: Resources) -> Plan:
        """Give the planner's plan. Raises what it raises."""
        question = _Question(planner, profile, run, resources)
        if self._plan is None or question != self._question:
            self._plan = planner.plan(profile, run, resources)
            self._question = question
        return self._plan
