"""Running a group of tasks, one after the other, one outcome for each."""

import time
from collections.abc import Sequence

from plugins.qsim.backends import PLUGIN_NAME, PLUGIN_VERSION
from plugins.qsim.engine import ENGINE_NAME, simulate
from plugins.qsim.library import engine_version
from plugins.qsim.preparation import Preparation, prepare
from plugins.qsim.reading import read
from qserver.errors import QServerError, Reason
from qserver.plugins import Failure, Outcome, RunLimits, Success, Task
from qserver.results import SAMPLED_RESULT_TYPES, PhaseSeconds, PubResult, RunRecord

OWN_SAMPLER = "shots drawn at once from the exact probabilities by QServer's own sampler"


def run(tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
    """Run all tasks and give one outcome for each, in their order. A task that fails takes no other with it."""
    return [_run(task, limits) for task in tasks]


def _run(task: Task, limits: RunLimits) -> Outcome:
    try:
        return Success(task.key, _result(prepare(task), limits))
    except QServerError as error:
        return Failure(task.key, error.reason, error.message)
    except MemoryError:
        return Failure(task.key, Reason.OUT_OF_MEMORY, "the simulator ran out of memory while reading the result")


def _result(prepared: Preparation, limits: RunLimits) -> PubResult:
    started = time.perf_counter()
    threads = max(1, limits.threads)
    simulated = simulate(prepared.body, threads=threads, memory_bytes=limits.memory_bytes)
    parts = read(prepared, simulated, result_bytes=limits.result_bytes)
    seconds = PhaseSeconds(loading=prepared.loading_seconds, simulating=time.perf_counter() - started)
    return PubResult(
        run=_record(prepared.task, threads, seconds),
        counts=parts.counts,
        quasi_dist=parts.quasi_dist,
        expval=None if parts.expectations is None else tuple(found.value for found in parts.expectations),
        expval_standard_errors=(
            None if parts.expectations is None else tuple(found.standard_error for found in parts.expectations)
        ),
        probabilities=parts.probabilities,
        arrays=parts.arrays,
    )


def _record(task: Task, threads: int, seconds: PhaseSeconds) -> RunRecord:
    is_sampled = bool(task.request.result_types & SAMPLED_RESULT_TYPES)
    return RunRecord(
        backend=task.request.backend,
        method=task.plan.method,
        device=task.plan.device,
        float_precision=task.plan.float_precision,
        shots=task.request.shots,
        seed=task.request.seed,
        threads=threads,
        reason=f"{task.plan.reason}; {OWN_SAMPLER}" if is_sampled else task.plan.reason,
        plugin=PLUGIN_NAME,
        plugin_version=PLUGIN_VERSION,
        engine=ENGINE_NAME,
        engine_version=engine_version(),
        seconds=seconds,
    )
