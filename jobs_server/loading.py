"""What a job costs before its circuit is simulated: the way from the database through the worker to its simulator."""

from dataclasses import replace

from qserver.circuits import Circuit
from qserver.jobs import RunRequest
from qserver.plugins import Plan

SECONDS_PER_BYTE = 2e-8
SECONDS_PER_TERM = 6e-6
"""Of an observable: 2.9 us to read it from the database's JSON, 1.5 us to send it, 1.3 to 2.5 us to receive it."""

NEGLIGIBLE_SECONDS = 1e-4
"""Most jobs take less: their plans are left as they are, and are shared by jobs that are alike."""


def with_loading(plan: Plan, circuit: Circuit, run: RunRequest) -> Plan:
    """Count it in. So a worker claims few of the jobs whose circuits, values or observables are large."""
    seconds = loading_seconds(circuit, run)
    return plan if seconds < NEGLIGIBLE_SECONDS else replace(plan, seconds=plan.seconds + seconds)


def loading_seconds(circuit: Circuit, run: RunRequest) -> float:
    """Foresee it from the size of what is stored of a job, but for its noise model, which many jobs share."""
    size_bytes = circuit.size_bytes
    if run.sweep is not None:
        size_bytes += len(run.sweep.values)
    terms = [term for observable in run.observables for term in observable.terms]
    size_bytes += sum(len(term.pauli) for term in terms)
    return size_bytes * SECONDS_PER_BYTE + len(terms) * SECONDS_PER_TERM
