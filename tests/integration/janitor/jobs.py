"""Jobs in the states that a janitor meets."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from database import Database, circuit_hash
from database.records import Claimant, Completion, Lease, NewJob
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.identity import ANONYMOUS
from qserver.jobs import Job, JobRequest, RunRequest
from qserver.results import PubResult, ResultType
from tests.bell import BELL_PLAN, BELL_RUN


def submit(database: Database, number: int = 1, *, expires_at: datetime | None = None) -> Sequence[UUID]:
    """Store jobs that wait, each with a circuit of its own."""
    jobs = [_new_job(expires_at) for _ in range(number)]
    with database.transaction() as transaction:
        stored = transaction.jobs.submit(jobs)
    return [job.id for job in stored if isinstance(job, Job)]


def claim(database: Database, job_ids: Sequence[UUID], *, lease_seconds: float = 60.0) -> Sequence[Lease]:
    """Let a worker hold jobs."""
    claimant = Claimant(worker_id=uuid4(), routes=frozenset({"cpu"}), memory_bytes=2**40)
    with database.transaction() as transaction:
        claimed = transaction.jobs.claim(job_ids, claimant, lease_seconds=lease_seconds)
    return [each.lease for each in claimed]


def finish(database: Database, number: int = 1) -> Sequence[UUID]:
    """Store jobs that ran."""
    leases = claim(database, submit(database, number))
    completions = [Completion(lease, (PubResult(run=BELL_RUN, counts={"0": 1}),)) for lease in leases]
    with database.transaction() as transaction:
        transaction.jobs.finish(completions)
    return [lease.job_id for lease in leases]


def soon() -> datetime:
    """Give a moment that has passed by the time a janitor looks."""
    return datetime.now(UTC) + timedelta(milliseconds=50)


def _new_job(expires_at: datetime | None) -> NewJob:
    source = f"OPENQASM 2.0; // {uuid4()}".encode()
    run = RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS}))
    return NewJob(
        id=uuid4(),
        identity=ANONYMOUS,
        circuit=Circuit(CircuitFormat.OPENQASM2, source, Inspection(CircuitFormat.OPENQASM2, profile=None, qpy=None)),
        circuit_sha256=circuit_hash(CircuitFormat.OPENQASM2, source, reader="aer 1"),
        request=JobRequest(run=run, expires_at=expires_at),
        plugin="aer",
        route="cpu",
        plan=BELL_PLAN,
        max_attempts=3,
    )
