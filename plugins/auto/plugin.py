"""The plugin object. Importing this module costs nothing: engines are imported inside the calls that need them."""

from collections.abc import Sequence

from plugins.aer.plugin import AerPlugin
from plugins.auto import choice
from plugins.auto.backends import BACKENDS, PLUGIN_NAME, PLUGIN_VERSION
from plugins.qsim.backends import METHOD as QSIM_METHOD
from plugins.qsim.plugin import QsimPlugin
from qserver.circuits import CircuitFormat, CircuitProfile, Inspection
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Outcome, Plan, Plugin, Resources, RunLimits, Task


class AutoPlugin:
    """Either engine, as `qserver.plugins.Plugin`: what a job is planned for is told by its plan's method."""

    name = PLUGIN_NAME
    version = PLUGIN_VERSION

    def __init__(self) -> None:
        """Choose between the plugins `aer` and `qsim`."""
        self._aer = AerPlugin()
        self._qsim = QsimPlugin()

    def backends(self) -> Sequence[BackendSpec]:
        """List the one backend."""
        return BACKENDS

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Choose engine, method, device and threads; see `choice.plan`."""
        return choice.plan(profile, request, resources)

    def batch_key(self, task: Task) -> str | None:
        """Let tasks share a call that may share one of their engine's."""
        engine = self._engine_of(task)
        key = engine.batch_key(task)
        return None if key is None else f"{engine.name}:{key}"

    def check_options(self, options: JsonObject) -> None:
        """Build the noise model, as the plugin `aer` does. Raises InvalidRequest where Aer can't."""
        self._aer.check_options(options)

    def describe_noise_model(self, document: JsonObject) -> JsonObject:
        """Check a model, and say what planning needs, as the plugin `aer` does."""
        return self._aer.describe_noise_model(document)

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        """Parse and profile a circuit, as the plugin `aer` does."""
        return self._aer.inspect(source, circuit_format)

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        """Run tasks of one batch key by the engine that they were planned for, or that proves faster here."""
        if self._engine_of(tasks[0]) is self._aer:
            return self._aer.run(tasks, limits)
        from plugins.auto.runner import run_single_precision  # noqa: PLC0415 - imports Qiskit

        return run_single_precision(tasks, limits)

    def _engine_of(self, task: Task) -> Plugin:
        return self._qsim if task.plan.method == QSIM_METHOD else self._aer
