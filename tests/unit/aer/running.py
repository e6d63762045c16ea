"""Running circuits through the plugin as a worker would, without the processes in between."""

import io
from collections.abc import Collection

import numpy as np
from qiskit import QuantumCircuit, qpy

from plugins.aer.plugin import AerPlugin
from qserver.circuits import Circuit, CircuitFormat
from qserver.jobs import Observable, PauliTerm, RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Failure, Outcome, Resources, RunLimits, Success, Task
from qserver.results import PubResult, ResultType

PLUGIN = AerPlugin()
RESOURCES = Resources(memory_bytes=2 * 2**30, gpu_memory_bytes=0, cores=2)
LIMITS = RunLimits(memory_bytes=2 * 2**30, threads=1, result_bytes=64 * 2**20)
EXPVAL = {ResultType.EXPVAL}
HEADER2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEADER3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
BELL = HEADER2 + "qreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n"


def format_of(source: str) -> CircuitFormat:
    return CircuitFormat.OPENQASM3 if source.startswith("OPENQASM 3") else CircuitFormat.OPENQASM2


def circuit_of(source: str | QuantumCircuit) -> Circuit:
    """Inspect a text, or a Qiskit circuit by way of QPY."""
    if isinstance(source, QuantumCircuit):
        data, circuit_format = qpy_of(source), CircuitFormat.QPY
    else:
        data, circuit_format = source.encode(), format_of(source)
    return Circuit(circuit_format, data, PLUGIN.inspect(data, circuit_format))


def qpy_of(circuit: QuantumCircuit) -> bytes:
    written = io.BytesIO()
    qpy.dump(circuit, written)
    return written.getvalue()


def task_of(  # noqa: PLR0913 - the fields of a request, each with its default
    source: str | QuantumCircuit,
    result_types: Collection[ResultType] = (ResultType.COUNTS,),
    *,
    key: str = "task",
    backend: str = "aer",
    shots: int = 1000,
    seed: int | None = None,
    precision: float | None = None,
    observables: tuple[Observable, ...] = (),
    options: JsonObject | None = None,
    resources: Resources = RESOURCES,
) -> Task:
    circuit = circuit_of(source)
    request = RunRequest(
        backend=backend,
        result_types=frozenset(result_types),
        shots=shots,
        seed=seed,
        precision=precision,
        observables=observables,
        options=options or {},
    )
    plan = PLUGIN.plan(circuit.inspection.profile, request, resources)
    return Task(key=key, circuit=circuit, request=request, plan=plan)


def outcome_of(task: Task, limits: RunLimits = LIMITS) -> Outcome:
    (outcome,) = PLUGIN.run([task], limits)
    return outcome


def result_of(task: Task) -> PubResult:
    outcome = outcome_of(task)
    assert isinstance(outcome, Success), outcome
    return outcome.result


def failure_of(task: Task, limits: RunLimits = LIMITS) -> Failure:
    outcome = outcome_of(task, limits)
    assert isinstance(outcome, Failure), outcome
    return outcome


def counts_of(task: Task) -> dict[str, int]:
    counts = result_of(task).counts
    assert counts is not None
    return dict(counts)


def observable(**coefficients: float) -> Observable:
    return Observable(tuple(PauliTerm(pauli, coefficient) for pauli, coefficient in coefficients.items()))


def memory_of(result: PubResult) -> list[str]:
    """Unpack the array `memory` into bitstrings without spaces."""
    (array,) = [found for found in result.arrays if found.name == "memory"]
    assert array.dtype == "bits"
    shots, width = array.shape
    rows = np.frombuffer(array.data, dtype=np.uint8).reshape(shots, -1)
    bits = np.unpackbits(rows, axis=1, bitorder="big")[:, :width]
    return ["".join(map(str, row)) for row in bits]


def statevector_of(result: PubResult) -> np.ndarray:
    (array,) = [found for found in result.arrays if found.name == "statevector"]
    return np.frombuffer(array.data, dtype=np.dtype(array.dtype).newbyteorder("<")).reshape(array.shape)
