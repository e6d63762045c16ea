"""The plugin object. Importing this module costs nothing: the engine is imported inside the calls that need it."""

import json
from collections.abc import Sequence

from plugins.aer import planner
from plugins.aer.backends import BACKENDS, PLUGIN_NAME, PLUGIN_VERSION
from plugins.aer.options import parse_options
from qserver.circuits import CircuitFormat, CircuitProfile, Inspection
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Outcome, Plan, Resources, RunLimits, Task

LONGEST_SHARED_SECONDS = 0.1
"""A task foreseen to take longer runs alone: sharing a call saves it nothing, and others would wait for it."""


class AerPlugin:
    """Qiskit Aer, as `qserver.plugins.Plugin`."""

    name = PLUGIN_NAME
    version = PLUGIN_VERSION

    def backends(self) -> Sequence[BackendSpec]:
        """List the five backends."""
        return BACKENDS

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Choose method, device and threads; see `planner.plan`."""
        return planner.plan(profile, request, resources)

    def batch_key(self, task: Task) -> str | None:
        """Name what tasks must have in common to share one call: the simulator's settings, noise included.

        Shots may differ, and so may seeds: `run` gives each seeded task an engine run of its own, which is the only
        way to Aer's own counts (circuit i of a list gets another seed).
        """
        plan = task.plan
        if plan.threads != 1 or plan.seconds > LONGEST_SHARED_SECONDS:
            return None
        options = parse_options(task.request.options)
        words = (plan.method, plan.device, plan.float_precision, options.max_bond_dimension)
        return json.dumps((*words, options.truncation_threshold, options.noise_text))

    def check_options(self, options: JsonObject) -> None:
        """Build the noise model. Raises InvalidRequest where Aer can't."""
        from plugins.aer.noise_documents import check_noise  # noqa: PLC0415 - imports Qiskit

        check_noise(parse_options(options))

    def describe_noise_model(self, document: JsonObject) -> JsonObject:
        """Check a model in Aer's form, and say what planning needs. Raises InvalidRequest where Aer can't build it."""
        from plugins.aer.noise_documents import describe  # noqa: PLC0415 - imports Qiskit

        return describe(document)

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        """Parse and profile a circuit; see `inspector.inspect`."""
        from plugins.aer.inspector import inspect  # noqa: PLC0415 - imports Qiskit
        from plugins.aer.loaders import importer_limit_bytes  # noqa: PLC0415

        return inspect(source, circuit_format, max_importer_bytes=importer_limit_bytes())

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        """Run tasks of one batch key; see `runner.run`."""
        from plugins.aer.runner import run  # noqa: PLC0415 - imports Qiskit

        return run(tasks, limits)
