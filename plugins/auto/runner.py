"""Running tasks that were planned for qsim, by whichever engine they are settled on here."""

from collections.abc import Sequence

from plugins.aer.runner import run as run_by_aer
from plugins.auto.settling import is_for_qsim, settled
from plugins.qsim.runner import run as run_by_qsim
from qserver.errors import QServerError
from qserver.plugins import Failure, Outcome, RunLimits, Task


def run_single_precision(tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
    """Run all tasks and give one outcome for each. A task that fails takes no other with it."""
    found = [_settled(task, limits) for task in tasks]
    refused = [outcome for outcome in found if isinstance(outcome, Failure)]
    ready = [task for task in found if isinstance(task, Task)]
    by_qsim = [task for task in ready if is_for_qsim(task)]
    by_aer = [task for task in ready if not is_for_qsim(task)]
    return [*refused, *run_by_qsim(by_qsim, limits), *run_by_aer(by_aer, limits)]


def _settled(task: Task, limits: RunLimits) -> Task | Failure:
    try:
        return settled(task, limits)
    except QServerError as error:
        return Failure(task.key, error.reason, error.message)
