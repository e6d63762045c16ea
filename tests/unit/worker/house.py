"""A worker with its neighbours: a database, a broker, and somebody who submits jobs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from pydantic import SecretStr

from database import Database, Transaction, circuit_hash
from database.records import NewJob, WorkerRecord
from qserver.broker.interface import Broker, Hint
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.errors import Unavailable
from qserver.identity import ANONYMOUS
from qserver.jobs import Job, JobEvent, JobRequest, JobStatus, RunRequest
from qserver.plugins import Plan
from qserver.results import PubResult, ResultType
from qserver.settings import DatabaseSettings, LeaseSettings, LimitSettings, PluginSettings, Settings
from tests.unit.worker.claims import a_plan
from tests.waiting import PATIENCE_SECONDS, wait_until
from worker.service import Worker


def worker_settings(database_url: str, *, lease_seconds: float = 60.0) -> Settings:
    """Give a small worker's settings. No stall outlasts its leases, unless a test waits for their end."""
    defaults = Settings()
    worker = {"simulator_processes": 2, "simulator_memory_mib": 512, "worker_drain_seconds": 10.0}
    return defaults.model_copy(
        update={
            "database": DatabaseSettings(database_url=SecretStr(database_url)),
            "lease": LeaseSettings(lease_seconds=lease_seconds, lease_renew_seconds=0.5),
            "limits": LimitSettings(max_result_bytes=1024 * 1024),
            "plugins": PluginSettings(serve_file_plugins=False),
            "worker": defaults.worker.model_copy(update=worker),
        }
    )


class InterruptibleDatabase(Database):
    """A database that can be taken away, and given back."""

    is_away = False
    is_broken = False
    refusals = 0
    hasty_transactions = 0

    @contextmanager
    def transaction(self, *, of_one_call: bool = False, waits_for_disk: bool = True) -> Iterator[Transaction]:
        self._require_presence()
        self.hasty_transactions += not waits_for_disk
        with super().transaction(of_one_call=of_one_call, waits_for_disk=waits_for_disk) as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        self._require_presence()
        with super().reading() as transaction:
            yield transaction

    def _require_presence(self) -> None:
        if self.is_broken:
            raise RuntimeError("a bug")
        if self.is_away:
            self.refusals += 1
            raise Unavailable("the database was taken away")


@dataclass(frozen=True, slots=True)
class House:
    """What surrounds a worker."""

    database: InterruptibleDatabase
    broker: Broker

    def submit(
        self,
        *sources: str,
        plan: Plan | None = None,
        time_limit_seconds: float | None = None,
        plugin: str = "fake",
        route: str = "cpu",
    ) -> list[UUID]:
        """Store jobs of the fake plugin and tell the broker of them; give their ids."""
        request = JobRequest(
            run=RunRequest(backend="fake", result_types=frozenset({ResultType.COUNTS})),
            time_limit_seconds=time_limit_seconds,
        )
        circuits = [
            Circuit(CircuitFormat.TEXT, source.encode(), Inspection(CircuitFormat.TEXT, None, None))
            for source in sources
        ]
        return self.store([_new_job(circuit, request, plan or a_plan(), plugin, route) for circuit in circuits])

    def store(self, new_jobs: Sequence[NewJob]) -> list[UUID]:
        """Store jobs and tell the broker of them; give their ids."""
        with self.database.transaction() as transaction:
            transaction.jobs.submit(new_jobs)
        self.broker.publisher().publish([Hint(job.route, (job.id,)) for job in new_jobs])
        return [job.id for job in new_jobs]

    def publish(self, job_ids: Sequence[UUID]) -> None:
        self.broker.publisher().publish([Hint("cpu", (job_id,)) for job_id in job_ids])

    def republish_pending(self) -> None:
        """Do what the dispatcher does for jobs that were put back."""
        self.publish([job.id for job in self.jobs() if job.status is JobStatus.PENDING])

    def lose_leases(self) -> list[UUID]:
        """Do what the dispatcher does for leases that ran out, and tell the broker of their jobs; give their ids."""
        with self.database.transaction() as transaction:
            lost = list(transaction.jobs.expire_leases())
        self.publish(lost)
        return lost

    def jobs(self) -> Sequence[Job]:
        with self.database.reading() as transaction:
            return transaction.jobs.list(ANONYMOUS, limit=1000)

    def job(self, job_id: UUID) -> Job:
        with self.database.reading() as transaction:
            return transaction.jobs.get(job_id, ANONYMOUS)

    def workers(self) -> Sequence[WorkerRecord]:
        with self.database.reading() as transaction:
            return transaction.workers.list(live_within_seconds=PATIENCE_SECONDS)

    def events(self, job_id: UUID) -> Sequence[JobEvent]:
        with self.database.reading() as transaction:
            return transaction.jobs.events(job_id, ANONYMOUS, after_sequence=0)

    def cancel(self, job_id: UUID) -> None:
        with self.database.transaction() as transaction:
            transaction.jobs.cancel(job_id, ANONYMOUS)

    def result(self, job_id: UUID) -> PubResult:
        with self.database.reading() as transaction:
            (result,) = transaction.results.get(job_id, ANONYMOUS).results
        return result

    def wait_for(
        self, job_ids: Sequence[UUID], status: JobStatus, *, within_seconds: float = PATIENCE_SECONDS
    ) -> list[Job]:
        """Wait until all jobs have this status; give them."""
        wait_until(lambda: all(self.job(job_id).status is status for job_id in job_ids), timeout_seconds=within_seconds)
        return [self.job(job_id) for job_id in job_ids]


def nothing_runs(worker: Worker) -> bool:
    """Tell whether a worker that was started has no group under way."""
    assert worker._parts is not None
    return not worker._parts.board.runs()


def _new_job(circuit: Circuit, request: JobRequest, plan: Plan, plugin: str, route: str) -> NewJob:
    return NewJob(
        id=uuid4(),
        identity=ANONYMOUS,
        circuit=circuit,
        circuit_sha256=circuit_hash(circuit.circuit_format, circuit.source, reader=None),
        request=request,
        plugin=plugin,
        route=route,
        plan=plan,
        max_attempts=3,
    )
