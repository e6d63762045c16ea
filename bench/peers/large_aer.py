"""One large circuit by hand: Aer with every core, at the best of the options that a user may turn."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any

from qiskit import qasm2
from qiskit_aer import AerSimulator

from bench.tasks import Outcome, Task

Options = Mapping[str, Any]

_FUSION: Sequence[Options] = (
    MappingProxyType({}),  # Aer's own choice
    MappingProxyType({"fusion_max_qubit": 3}),
    MappingProxyType({"fusion_max_qubit": 4}),
    MappingProxyType({"fusion_enable": False}),
)
_TRIES = 2


@dataclass(frozen=True, slots=True)
class LargeRun:
    """What one run took, parsing and counting included."""

    outcome: Outcome
    seconds: float
    cpu_seconds: float


def run_large(task: Task, options: Options) -> LargeRun:
    """Run a circuit in this process. Raises RuntimeError where Aer failed."""
    cpu_before, started_at = time.process_time(), time.perf_counter()
    result = AerSimulator(method="statevector", **options).run(qasm2.loads(task.source), shots=task.shots).result()
    if not result.success:
        raise RuntimeError(f"Aer could not run a circuit of the bench: {result.status}")
    outcome = Outcome(dict(result.get_counts()), {}, ())
    return LargeRun(outcome, time.perf_counter() - started_at, time.process_time() - cpu_before)


@cache
def best_options(source: str, shots: int, precisions: Sequence[str]) -> Options:
    """Run a circuit at every choice of fusion and of the precisions, once a process, and give the fastest."""
    task = Task(source, shots)
    choices = [{**fusion, "precision": precision} for fusion, precision in product(_FUSION, precisions)]
    return min(choices, key=lambda options: min(run_large(task, options).seconds for _ in range(_TRIES)))
