"""Tasks for file plugins."""

from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.jobs import RunRequest
from qserver.json_types import JsonValue
from qserver.plugins import Plan, RunLimits, Task
from qserver.results import ResultType
from qserver.sandbox.limits import MIB

LIMITS = RunLimits(memory_bytes=512 * MIB, threads=1, result_bytes=MIB)

BELL = b"""OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
h q[0];
cx q[0], q[1];
measure q -> c;
"""


def make_task(backend: str, *result_types: ResultType, source: bytes = BELL, **metadata: JsonValue) -> Task:
    """Make a task that asks for counts, unless told otherwise."""
    request = RunRequest(
        backend=backend, result_types=frozenset(result_types or {ResultType.COUNTS}), shots=1000, metadata=metadata
    )
    plan = Plan("plugin", "CPU", "double", threads=1, memory_bytes=0, seconds=1.0, reason="test")
    circuit = Circuit(CircuitFormat.TEXT, source, Inspection(CircuitFormat.TEXT, profile=None, qpy=None))
    return Task(key="job", circuit=circuit, request=request, plan=plan)
