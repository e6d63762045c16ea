"""Which engine holds a statevector of single precision: settled where the job runs, by what is there and how fast."""

from dataclasses import replace

from plugins.aer import planner as aer_planner
from plugins.aer.methods import FloatPrecision, Method
from plugins.auto.calibration import figures
from plugins.qsim import library
from plugins.qsim.backends import METHOD as QSIM_METHOD
from qserver.plugins import Resources, RunLimits, Task


def is_for_qsim(task: Task) -> bool:
    """Whether the task was planned for qsim."""
    return task.plan.method == QSIM_METHOD


def settled(task: Task, limits: RunLimits) -> Task:
    """Give a task that was planned for qsim as it is to run here: by qsim, or by Aer in the same precision."""
    if not library.is_installed():
        return _for_aer(task, limits, f"Aer ran it: this worker has no {library.DISTRIBUTION}")
    measured = figures(max(1, limits.threads))
    if not measured.is_qsim_faster:
        return _for_aer(task, limits, f"Aer ran it: {measured.words}")
    return replace(task, plan=replace(task.plan, reason=f"{task.plan.reason}; {measured.words}"))


def _for_aer(task: Task, limits: RunLimits, why: str) -> Task:
    options = {**task.request.options, "float_precision": FloatPrecision.SINGLE}
    request = replace(task.request, options=options)
    here = Resources(memory_bytes=limits.memory_bytes, gpu_memory_bytes=0, cores=max(1, limits.threads))
    plan = aer_planner.plan(
        task.circuit.inspection.profile, replace(request, backend=f"aer_{Method.STATEVECTOR}"), here
    )
    return replace(task, request=request, plan=replace(plan, reason=f"{task.plan.reason}; {why}"))
