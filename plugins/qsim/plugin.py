"""The plugin object. Importing this module costs nothing: the engine is imported inside the calls that need it."""

from collections.abc import Sequence

from plugins.qsim import planner
from plugins.qsim.backends import BACKENDS, PLUGIN_NAME, PLUGIN_VERSION
from plugins.qsim.checks import check_options
from qserver.circuits import CircuitFormat, CircuitProfile, Inspection
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Outcome, Plan, Resources, RunLimits, Task

LONGEST_SHARED_SECONDS = 0.1
"""A task foreseen to take longer runs alone: sharing a call saves it nothing, and others would wait for it."""


class QsimPlugin:
    """Google's qsim, as `qserver.plugins.Plugin`."""

    name = PLUGIN_NAME
    version = PLUGIN_VERSION
    engine_modules = ("qsimcirq",)

    def backends(self) -> Sequence[BackendSpec]:
        """List the one backend."""
        return BACKENDS

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Foresee memory and time, or refuse; see `planner.plan`."""
        return planner.plan(profile, request, resources)

    def batch_key(self, task: Task) -> str | None:
        """Let all that is short share a call: each is a simulation of its own there, with its own seed and shots."""
        plan = task.plan
        return None if plan.threads != 1 or plan.seconds > LONGEST_SHARED_SECONDS else plan.method

    def check_options(self, options: JsonObject) -> None:
        """Refuse what qsim can't do. Raises InvalidRequest."""
        check_options(options)

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        """Parse and profile a circuit, as the plugin `aer` does."""
        from plugins.aer.plugin import AerPlugin  # noqa: PLC0415 - read alike, whoever simulates

        return AerPlugin().inspect(source, circuit_format)

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        """Run tasks of one batch key; see `runner.run`."""
        from plugins.qsim.runner import run  # noqa: PLC0415 - imports Qiskit

        return run(tasks, limits)
