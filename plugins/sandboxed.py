"""Plugins in a process that may die: the heavy half of a plugin, called from a service that must not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from plugins.child import ENTRY
from plugins.messages import (
    CheckOptionsRequest,
    DescribeNoiseModelRequest,
    Finding,
    InspectReply,
    InspectRequest,
    NoiseModelReply,
    RunCall,
    RunReply,
    WarmUpRequest,
)
from plugins.owned_child import OwnedChild
from qserver.circuits import CircuitFormat, CircuitSource, Inspection
from qserver.errors import ExecutionError, QServerError, Reason
from qserver.json_types import JsonObject
from qserver.plugins import Outcome, RunLimits, Task
from qserver.sandbox.codec import CodecError, pack, unpack
from qserver.sandbox.faults import revive_fault
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.frames import BadFrame
from qserver.sandbox.limits import Limits, interpreter_paths

MIB = 1024 * 1024
MAX_INSPECTION_BYTES = 64 * MIB
"""Profiles and QPY of one call's circuits: 8 MiB of text, the default limit of one, unfold to less than this."""

MAX_DESCRIPTION_BYTES = 16 * 1024
"""What stands in a job's options of a noise model that is stored beside it."""

MAX_REPLY_BYTES = 1024 * MIB
"""Results of one group, whatever its size."""

_OVERHEAD_BYTES = 64 * 1024  # of one outcome, beside its result's numbers

T = TypeVar("T")


class PluginProcess(OwnedChild):
    """A child, whose entry is `plugins.child`, that runs plugins, one call at a time.

    Every method raises ChildTimedOut, ChildDied or ChildMisbehaved where the process is lost, and otherwise the
    QServerError that the plugin raised: ExecutionError for what is none of ours.
    """

    def inspect(
        self, plugin: str, source: bytes, circuit_format: CircuitFormat, *, timeout_seconds: float | None
    ) -> Inspection:
        """Parse and profile a circuit. Raises InvalidCircuit with line and column where known."""
        (found,) = self.inspect_all(plugin, [CircuitSource(circuit_format, source)], timeout_seconds=timeout_seconds)
        if isinstance(found, QServerError):
            raise found
        return found

    def inspect_all(
        self, plugin: str, circuits: Sequence[CircuitSource], *, timeout_seconds: float | None
    ) -> Sequence[Inspection | QServerError]:
        """Parse and profile circuits, one after the other; give for each, in order, what it is or what is wrong."""
        request = InspectRequest(plugin, tuple(circuits))
        reply = self._call("inspect", request, timeout_seconds, max_reply_bytes=MAX_INSPECTION_BYTES)
        findings = _read(InspectReply, reply, plugin=plugin).findings
        if len(findings) != len(circuits):
            raise _faulty(plugin, f"gave {len(findings)} findings for {len(circuits)} circuits")
        return [_inspection(finding, plugin=plugin) for finding in findings]

    def check_options(self, plugin: str, options: JsonObject, *, timeout_seconds: float | None) -> None:
        """Check what a schema can't say. Raises InvalidRequest."""
        self._call("check_options", CheckOptionsRequest(plugin, options), timeout_seconds, max_reply_bytes=0)

    def describe_noise_model(self, plugin: str, text: bytes, *, timeout_seconds: float | None) -> JsonObject:
        """Check a noise model, and give what planning and people need to know of it. Raises InvalidRequest."""
        request = DescribeNoiseModelRequest(plugin, text)
        reply = self._call("describe_noise_model", request, timeout_seconds, max_reply_bytes=MAX_DESCRIPTION_BYTES)
        return _read(NoiseModelReply, reply, plugin=plugin).words

    def warm_up(self, plugin: str, *, timeout_seconds: float | None) -> None:
        """See that the process has started and knows the plugin."""
        self._call("warm_up", WarmUpRequest(plugin), timeout_seconds, max_reply_bytes=0)

    def run(
        self, plugin: str, tasks: Sequence[Task], limits: RunLimits, *, timeout_seconds: float | None
    ) -> Sequence[Outcome]:
        """Run tasks of one `batch_key`, and give one outcome for each, in their order.

        Raises ExecutionError where the plugin left one out or answered one twice.
        """
        most = min(MAX_REPLY_BYTES, len(tasks) * (limits.result_bytes + _OVERHEAD_BYTES))
        reply = self._call("run", RunCall.of(plugin, tasks, limits), timeout_seconds, max_reply_bytes=most)
        sent = _read(RunReply, reply, plugin=plugin)
        try:
            return _in_order_of(tasks, sent.read_outcomes(), plugin=plugin)
        except CodecError as error:
            raise _faulty(plugin, f"sent {error.message}") from error

    def _call(self, method: str, request: object, timeout_seconds: float | None, *, max_reply_bytes: int) -> bytes:
        return self._child.call(method, pack(request), timeout_seconds=timeout_seconds, max_reply_bytes=max_reply_bytes)


def spawn_plugin_process(
    forkserver: Forkserver,
    limits: Limits,
    *,
    environment: Mapping[str, str] = MappingProxyType({}),
    entry: str = ENTRY,
) -> PluginProcess:
    """Start a process that knows every plugin of `Registry.built_in()`. Raises what `Forkserver.spawn` raises.

    Unless `limits` says otherwise, it reads what the interpreter and its packages need, and no other file. `entry` is
    for tests, whose processes know other plugins.
    """
    if limits.readable_paths is None:
        limits = replace(limits, readable_paths=interpreter_paths())
    return PluginProcess(forkserver.spawn(entry, limits, environment))


def _read(kind: type[T], reply: bytes, *, plugin: str) -> T:
    try:
        return unpack(kind, reply)
    except CodecError as error:
        raise _faulty(plugin, f"sent {error.message}") from error


def _inspection(finding: Finding, *, plugin: str) -> Inspection | QServerError:
    if finding.inspection is not None:
        return finding.inspection
    try:
        return revive_fault(finding.fault)
    except BadFrame as error:
        raise _faulty(plugin, f"answered for a circuit in words of its own: {error}") from error


def _faulty(plugin: str, what: str) -> ExecutionError:
    return ExecutionError(f"the plugin '{plugin}' {what}", reason=Reason.PLUGIN_ERROR)


def _in_order_of(tasks: Sequence[Task], outcomes: Sequence[Outcome], *, plugin: str) -> Sequence[Outcome]:
    by_key = {outcome.key: outcome for outcome in outcomes}
    keys = [task.key for task in tasks]
    if len(by_key) != len(outcomes) or by_key.keys() != set(keys):
        raise _faulty(
            plugin,
            f"gave {len(outcomes)} outcomes ({len(by_key)} keys) for {len(keys)} tasks, and must give one for each",
        )
    return [by_key[key] for key in keys]
