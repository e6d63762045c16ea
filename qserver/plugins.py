"""The interface between QServer and whatever runs circuits.

A plugin is an object with two halves. The light half (`backends`, `plan`, `batch_key`) is plain Python over profiles
and is called inside the services: it must import no engine, do no I/O and return at once. The heavy half
(`check_options`, `inspect`, `run`) is called only inside sandboxed child processes that may be killed at any moment.

Built-in plugins are listed in `plugins.BUILT_IN`; others are found by the entry point group `qserver.plugins`, whose
value is a callable without arguments that gives the plugin. docs/howto/write-a-plugin.md walks through one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from qserver.circuits import Circuit, CircuitFormat, CircuitProfile, Inspection
from qserver.errors import Reason
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.results import PubResult, ResultType

ENTRY_POINT_GROUP = "qserver.plugins"

CPU_ROUTE = "cpu"
LARGE_ROUTE = "large"
"""The route of jobs that need more memory than QSERVER_LARGE_JOB_MEMORY_MIB."""

GPU_ROUTE = "gpu"
"""The route of jobs whose memory is counted on the GPU; that of all others is the machine's."""

FILE_PLUGIN_ROUTE_PREFIX = "plugin."


def file_plugin_route(plugin: str) -> str:
    """Name the route of a file plugin's jobs: each has one of its own."""
    return f"{FILE_PLUGIN_ROUTE_PREFIX}{plugin}"


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend as its plugin declares it.

    `options_schema` is a JSON Schema (draft 2020-12) of an object; ingest refuses what it does not allow, naming the
    option. Options listed in `sandboxed_options` are also given to `check_options` in an inspector process, for checks
    that need the engine.
    `max_qubits` is None where only memory limits the width. One that `takes_pubs` runs requests with a `sweep` too. Of
    one that `takes_noise_models` the option `noise_model` may refer to a stored one, which its tasks bring along.
    `qpy_versions` are those that it reads, where QPY is among its formats; clients write one of them.
    """

    name: str
    description: str
    result_types: frozenset[ResultType]
    formats: frozenset[CircuitFormat]
    options_schema: JsonObject
    sandboxed_options: frozenset[str] = frozenset()
    max_qubits: int | None = None
    devices: frozenset[str] = frozenset({"CPU"})
    takes_pubs: bool = False
    takes_noise_models: bool = False
    qpy_versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    """What the largest worker that could take a job has.

    Zero memory means that no worker is known yet: nothing is refused for lack of it. `plugins` names those that some
    worker can run; none, likewise, where no worker is known.
    """

    memory_bytes: int
    gpu_memory_bytes: int
    cores: int
    plugins: frozenset[str] = frozenset()

    @property
    def has_gpu(self) -> bool:
        """Whether any known worker has a GPU."""
        return self.gpu_memory_bytes > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What running one PUB will take, found without running it.

    `seconds` is a rough estimate, for batching and routing only.
    """

    method: str
    device: str  #: "CPU" or "GPU"
    float_precision: str  #: "double" or "single"
    threads: int  #: 1: run beside others; 0: as many as the worker can give to one job
    memory_bytes: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """One PUB to run: unit of work of a simulator process. `key` is unique within a call of `run`.

    `noise_model` is the JSON text of the stored model that the option `noise_model` refers to by its hash.
    """

    key: str
    circuit: Circuit
    request: RunRequest
    plan: Plan
    noise_model: bytes | None = None


@dataclass(frozen=True, slots=True)
class Success:
    """The task ran."""

    key: str
    result: PubResult


@dataclass(frozen=True, slots=True)
class Failure:
    """The task can't be run; running it again would fail again.

    The message is for people and names the thing and the limit.
    """

    key: str
    reason: Reason
    message: str


Outcome = Success | Failure


class InstallState(StrEnum):
    """How far a worker is with a file plugin."""

    INSTALLING = "installing"  #: its environment is being built; jobs wait
    READY = "ready"  #: jobs run
    FAILED = "failed"  #: it can't be built; jobs fail with the installer's sentence


@dataclass(frozen=True, slots=True)
class PluginInstallation:
    """A worker's report about one file plugin."""

    state: InstallState
    message: str | None = None


@dataclass(frozen=True, slots=True)
class FilePluginPin:
    """Which distribution a file plugin is: `name` as normalised by package indexes, and the version that was added."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What a call of `run` may use. The process is killed past them; a plugin that keeps to them can say better why."""

    memory_bytes: int
    threads: int
    result_bytes: int
    environment: Mapping[str, str] = field(default_factory=dict)


class Plugin(Protocol):
    """What runs circuits. Instances are made once a process and hold no state of a job.

    A plugin may also have `engine_modules`: names of modules without which it can't run. A worker on which one of them
    isn't installed says so, and claims none of its jobs.

    One with backends that take noise models has `describe_noise_model(document: JsonObject) -> JsonObject`: called in
    a sandbox, it checks a model that is to be stored beside jobs, and gives what `plan` and people need to know of it,
    which then stands in the option, beside the hash. Raises InvalidRequest.
    """

    @property
    def name(self) -> str:
        """Name under which the plugin is registered: letters, digits, `-`, `_`."""

    @property
    def version(self) -> str:
        """Version of the plugin itself."""

    def backends(self) -> Sequence[BackendSpec]:
        """List the backends that the plugin brings; names are unique on a server."""

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Choose method, device and threads for one PUB, and foresee memory and time.

        Raises InvalidRequest (with a reason) where the request can't be met: a result type that the circuit can't give,
        an observable of the wrong width, unbound parameters, more memory than any worker has, a device that nobody has.
        """

    def batch_key(self, task: Task) -> str | None:
        """Name the group of tasks that may share one call of `run`; None where the task must run alone."""

    def check_options(self, options: JsonObject) -> None:
        """Check, in a sandbox, what a schema can't say of the options. Raises InvalidRequest."""

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        """Parse and profile a circuit, in a sandbox. Raises InvalidCircuit with line and column where known."""

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        """Run all tasks, in a sandbox, and give one outcome for each, in any order.

        Called with tasks of one `batch_key`, or with all PUBs of one job. A task that fails must not take others with
        it. What is raised here counts against all of them.
        """
