"""A file plugin's process as a worker sees it: the same calls as those of every other simulator process."""

import json
import time
from collections.abc import Sequence

from plugins.file_plugin.plugin import METHOD
from plugins.file_plugin.results import read_result
from plugins.owned_child import OwnedChild
from qserver.errors import ExecutionError, Reason
from qserver.jobs import Observable, RunRequest
from qserver.json_types import JsonObject, JsonValue
from qserver.plugins import Failure, FilePluginPin, Outcome, RunLimits, Success, Task
from qserver.results import PhaseSeconds, RunRecord
from qserver.sandbox.errors import ChildDied
from qserver.sandbox.process import ChildProcess


class FilePluginProcess(OwnedChild):
    """One confined process of one plugin, kept warm for the jobs that follow."""

    def __init__(self, pin: FilePluginPin, child: ChildProcess) -> None:
        """Speak to `child`, in which `program` runs the plugin."""
        super().__init__(child)
        self.pin = pin

    def run(
        self, plugin: str, tasks: Sequence[Task], limits: RunLimits, *, timeout_seconds: float | None
    ) -> Sequence[Outcome]:
        """Run tasks one after the other; each may take what is left of `timeout_seconds`.

        What the plugin raises, or a result that is none, is a Failure of its task. Raises ChildTimedOut, or ChildDied
        where the process was killed; one that the plugin ended by itself is a Failure too.
        """
        if plugin != self.pin.name:
            raise ExecutionError(f"the process of {self.pin.name} can't run {plugin}", reason=Reason.INTERNAL)
        ends_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        return [self._run(task, limits, ends_at) for task in tasks]

    def _run(self, task: Task, limits: RunLimits, ends_at: float | None) -> Outcome:
        started_at = time.monotonic()
        try:
            reply = self._child.call(
                "run",
                payload_of(task, self.pin.name),
                timeout_seconds=None if ends_at is None else ends_at - started_at,
                max_reply_bytes=limits.result_bytes,
            )
            record = self._record(task, time.monotonic() - started_at)
            result = read_result(reply, wanted=task.request.result_types, run=record)
        except ExecutionError as error:
            return Failure(key=task.key, reason=error.reason, message=error.message)
        except ChildDied as error:
            return _failure_of_exit(task, error)
        return Success(key=task.key, result=result)

    def _record(self, task: Task, seconds: float) -> RunRecord:
        return RunRecord(
            backend=task.request.backend,
            method=METHOD,
            device=task.plan.device,
            float_precision=task.plan.float_precision,
            shots=task.request.shots,
            seed=None,
            threads=task.plan.threads,
            reason=task.plan.reason,
            plugin=self.pin.name,
            plugin_version=self.pin.version,
            engine=self.pin.name,
            engine_version=self.pin.version,
            seconds=PhaseSeconds(simulating=seconds),
        )


def payload_of(task: Task, distribution: str) -> bytes:
    """Write a task for `program`: a line of JSON, then the circuit as it was sent."""
    request = task.request
    head = {
        "backend": request.backend.removeprefix(f"{distribution}:"),  # where its plain name was taken
        "result_types": sorted(request.result_types),
        "metadata": json.dumps(metadata_of(request)),
    }
    return json.dumps(head).encode() + b"\n" + task.circuit.source


def metadata_of(request: RunRequest) -> JsonObject:
    """Say the request in the original's words: the client's metadata, and `shots` and `obs` where it lacks them.

    What the client wrote there stands: it is between the client and the plugin.
    """
    metadata: dict[str, JsonValue] = {"shots": request.shots}
    if request.observables:
        metadata["obs"] = [_terms(observable) for observable in request.observables]
    return {**metadata, **request.metadata}


def _terms(observable: Observable) -> JsonValue:
    return [[term.pauli, term.coefficient] for term in observable.terms]


def _failure_of_exit(task: Task, error: ChildDied) -> Outcome:
    """Blame the plugin for an exit of its own; raise again what came from outside, which another try may survive."""
    is_its_own = error.exit_code is not None or error.ending.excess
    if not is_its_own or error.was_killed or error.out_of_memory:
        raise error
    return Failure(key=task.key, reason=Reason.PLUGIN_ERROR, message=f"the plugin {error.ending.describe()}")
