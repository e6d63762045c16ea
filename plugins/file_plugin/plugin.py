"""The light half of every file plugin: what the services may know of one without its environment."""

from collections.abc import Sequence

from qserver.circuits import CircuitFormat, CircuitProfile, Inspection
from qserver.errors import ExecutionError, InvalidRequest, Reason
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Outcome, Plan, Resources, RunLimits, Task
from qserver.results import ResultType

MIB = 1024 * 1024

METHOD = "plugin"  # what a result names where an engine would name its method

ASSUMED_MEMORY_BYTES = 256 * MIB
ASSUMED_SECONDS = 1.0
"""Nobody can foresee what a plugin that we know nothing of will take: enough for an engine and a small circuit."""

RESULT_TYPES = frozenset({ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.EXPVAL})

_NO_OPTIONS: JsonObject = {"type": "object", "properties": {}, "additionalProperties": False}


class FilePlugin:
    """A file plugin as the rest of the house sees any plugin. Its circuits are run by `FilePluginProcess` alone."""

    def __init__(self, *, name: str, version: str, backend_names: Sequence[str]) -> None:
        """Describe the distribution `name`, which brings `backend_names`."""
        self._name = name
        self._version = version
        self._backend_names = tuple(backend_names)

    @property
    def name(self) -> str:
        """Name of the distribution."""
        return self._name

    @property
    def version(self) -> str:
        """Version of the distribution."""
        return self._version

    def backends(self) -> Sequence[BackendSpec]:
        """List the backends under the plugin's own names."""
        return [self._spec(name) for name in self._backend_names]

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Check what can be checked without knowing the circuit's format.

        Raises InvalidRequest for what the original interface has no word for, rather than ignore it.
        """
        _check_result_types(request)
        _check_no_word_for(request)
        return Plan(
            method=METHOD,
            device="CPU",
            float_precision="double",
            threads=1,
            memory_bytes=ASSUMED_MEMORY_BYTES,
            seconds=ASSUMED_SECONDS,
            reason=f"only {self._name} knows its circuits",
        )

    def batch_key(self, task: Task) -> str | None:
        """Let every task run alone: the original interface takes one circuit a call."""
        return None

    def check_options(self, options: JsonObject) -> None:
        """Accept what the schema accepts, which is no option at all."""

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        """Say nothing of a circuit: only the plugin can read it."""
        return Inspection(circuit_format=CircuitFormat.TEXT, profile=None, qpy=None)

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        """Refuse: our interpreter hasn't the plugin's packages. Raises ExecutionError."""
        raise ExecutionError(f"{self._name} runs in an environment of its own only", reason=Reason.INTERNAL)

    def _spec(self, backend_name: str) -> BackendSpec:
        return BackendSpec(
            name=backend_name,
            description=f"{backend_name} of the file plugin {self._name} {self._version}",
            result_types=RESULT_TYPES,
            formats=frozenset({CircuitFormat.TEXT}),
            options_schema=_NO_OPTIONS,
        )


def _check_result_types(request: RunRequest) -> None:
    foreign = sorted(request.result_types - RESULT_TYPES)
    if foreign:
        known = ", ".join(sorted(RESULT_TYPES))
        raise InvalidRequest(
            f"backend {request.backend!r} can't give {', '.join(foreign)}; it gives {known}",
            reason=Reason.UNSUPPORTED_RESULT_TYPE,
        )


def _check_no_word_for(request: RunRequest) -> None:
    for name, value in (("seed", request.seed), ("precision", request.precision)):
        if value is not None:
            raise InvalidRequest(
                f"{name} can't be given to backend {request.backend!r}: the original interface doesn't know it",
                reason=Reason.INVALID_OPTION,
            )
