"""Claimed jobs, as the database would give them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from database.records import ClaimedJob, Lease
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.identity import ANONYMOUS
from qserver.jobs import Job, JobRequest, JobStatus, Observable, RunRequest
from qserver.plugins import Plan
from qserver.results import PubResult, ResultType
from tests.bell import BELL_PLAN, BELL_RUN
from worker.groups import Group, GroupLimits, form_groups

WORKER_ID = UUID("00000000-0000-4000-8000-00000000000a")
NO_LIMITS = GroupLimits(jobs=1000, seconds=1000.0, bytes=2**30)


def a_plan(*, threads: int = 1, memory_bytes: int = 1, seconds: float = 0.001, device: str = "CPU") -> Plan:
    return replace(BELL_PLAN, threads=threads, memory_bytes=memory_bytes, seconds=seconds, device=device)


def a_claim(
    *,
    plan: Plan | None = None,
    plugin: str = "fake",
    route: str = "cpu",
    source: bytes = b"bell",
    time_limit_seconds: float | None = None,
    attempt: int = 1,
    observables: tuple[Observable, ...] = (),
) -> ClaimedJob:
    job_id = uuid4()
    run = RunRequest(backend="fake", result_types=frozenset({ResultType.COUNTS}), observables=observables)
    job = Job(
        id=job_id,
        pointer=1,
        owner_id=ANONYMOUS.user_id,
        circuit_id=uuid4(),
        request=JobRequest(run=run, time_limit_seconds=time_limit_seconds),
        plugin=plugin,
        route=route,
        status=JobStatus.RUNNING,
        reason=None,
        message=None,
        attempt=attempt,
        max_attempts=3,
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        started_at=None,
        finished_at=None,
        event_sequence=2,
    )
    return ClaimedJob(
        job=job,
        lease=Lease(job_id, WORKER_ID, attempt),
        circuit=Circuit(CircuitFormat.TEXT, source, Inspection(CircuitFormat.TEXT, None, None)),
        plan=plan or a_plan(),
        queued_seconds=0.5,
    )


def a_group(*jobs: ClaimedJob) -> Group:
    (group,) = form_groups(jobs or (a_claim(),), lambda _: "same", NO_LIMITS)
    return group


def a_result() -> PubResult:
    return PubResult(run=BELL_RUN, counts={"00": 1000})
