"""What the tests of the jobs server are made of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import select

from database import Database, Transaction, circuit_hash
from database.records import Claimant, NewJob, PluginKind, PluginRecord, WorkerRecord
from database.tables import circuits, job_events, jobs, users
from jobs_server.direct_dispatch import DirectDispatch
from jobs_server.free_routes import FreeRoutes
from plugins.aer.plugin import AerPlugin
from plugins.file_plugin.plugin import FilePlugin
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import JobRequest, RunRequest
from qserver.plugins import Plan, file_plugin_route
from qserver.results import ResultType
from tests.bell import BELL_PLAN, BELL_PROFILE

BELL = b'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n'

FILE_PLUGIN = "fake-plugin"
FILE_PLUGIN_BACKEND = "fake-vigo"
FILE_PLUGIN_ROUTE = file_plugin_route(FILE_PLUGIN)


def plan(*, seconds: float = 0.001, memory_bytes: int = 1024) -> Plan:
    """A plan for something small."""
    return replace(BELL_PLAN, memory_bytes=memory_bytes, seconds=seconds)


def new_job(
    identity: Identity = ANONYMOUS,
    *,
    route: str = "cpu",
    priority: int = 0,
    seconds: float = 0.001,
    memory_bytes: int = 1024,
    request_id: str | None = None,
    expires_at: datetime | None = None,
) -> NewJob:
    """A Bell pair that passed admission."""
    inspection = Inspection(CircuitFormat.OPENQASM2, BELL_PROFILE, qpy=b"QISKIT")
    run = RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS}))
    return NewJob(
        id=uuid4(),
        identity=identity,
        circuit=Circuit(CircuitFormat.OPENQASM2, BELL, inspection),
        circuit_sha256=circuit_hash(CircuitFormat.OPENQASM2, BELL, reader="aer 1"),
        request=JobRequest(run=run, priority=priority, request_id=request_id, expires_at=expires_at),
        plugin="aer",
        route=route,
        plan=plan(seconds=seconds, memory_bytes=memory_bytes),
        max_attempts=3,
    )


class FakeTeller:
    """Remembers whom workers were told of, by route; fails as often as it is told to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, list[UUID]]] = []
        self.faults: list[Exception] = []

    def tell(self, route: str, job_ids: Sequence[UUID]) -> None:
        if self.faults:
            raise self.faults.pop()
        self.told.append((route, list(job_ids)))


def no_direct_dispatch() -> DirectDispatch:
    """One that was never started, and takes no job."""
    return DirectDispatch(FreeRoutes(), FakeTeller())


def worker(*routes: str) -> WorkerRecord:
    """A worker that serves some routes."""
    return WorkerRecord(
        id=uuid4(),
        name="worker",
        host="here",
        version="1",
        routes=frozenset(routes or {"cpu"}),
        plugins=("aer",),
        devices=("CPU",),
        cores=2,
        memory_bytes=8 * 1024**3,
        gpu_memory_bytes=0,
        simulator_processes=2,
    )


def register_aer(transaction: Transaction) -> None:
    """Register the built-in plugin as the service does when it starts."""
    plugin = AerPlugin()
    record = PluginRecord("aer", PluginKind.BUILT_IN, plugin.version, added_at=datetime.now(UTC))
    transaction.plugins.sync_built_in(record, [(spec.name, spec.name, spec) for spec in plugin.backends()])


def register_file_plugin(transaction: Transaction) -> None:
    """Register a file plugin as an administrator does."""
    plugin = FilePlugin(name=FILE_PLUGIN, version="0.0.1", backend_names=(FILE_PLUGIN_BACKEND,))
    record = PluginRecord(FILE_PLUGIN, PluginKind.FILE, "0.0.1", added_at=datetime.now(UTC), distribution=FILE_PLUGIN)
    transaction.plugins.register(record, [(spec.name, spec.name, spec) for spec in plugin.backends()])


def claim(database: Database, job_ids: list[UUID], claimant: WorkerRecord, *, lease_seconds: float = 30) -> int:
    """Claim jobs as a worker does, and give how many it got."""
    with database.transaction() as transaction:
        return len(
            transaction.jobs.claim(
                job_ids,
                Claimant(claimant.id, claimant.routes, claimant.memory_bytes),
                lease_seconds=lease_seconds,
            )
        )


class CountingDatabase(Database):
    """A database that counts its transactions, and can be away."""

    transactions = 0
    hasty_transactions = 0
    readings = 0
    refused = 0
    fault: Exception | None = None

    @contextmanager
    def transaction(self, *, of_one_call: bool = False, waits_for_disk: bool = True) -> Iterator[Transaction]:
        """Count one."""
        self._check()
        self.transactions += 1
        self.hasty_transactions += not waits_for_disk
        with super().transaction(of_one_call=of_one_call, waits_for_disk=waits_for_disk) as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Read, unless away."""
        self._check()
        self.readings += 1
        with super().reading() as transaction:
            yield transaction

    def ping(self) -> None:
        """Answer, unless away."""
        self._check()
        super().ping()

    def add_person(self, name: str) -> Identity:
        """Add a user of their own, as keys will do one day."""
        identity = Identity(user_id=uuid4(), name=name, role=Role.USER)
        with self._engine.begin() as connection:
            connection.execute(users.insert().values(id=identity.user_id, name=name, role=identity.role))
        return identity

    def forget_events(self, job_id: UUID) -> None:
        """Remove a job's events, as the janitor does when they are old."""
        with self._engine.begin() as connection:
            connection.execute(job_events.delete().where(job_events.c.job_id == job_id))

    def cache_key_of(self, job_id: UUID) -> bytes | None:
        """Give what a job must equal to be answered by this one's result."""
        with self._engine.connect() as connection:
            key: bytes | None = connection.execute(select(jobs.c.cache_key).where(jobs.c.id == job_id)).scalar_one()
        return key

    def _check(self) -> None:
        if self.fault is not None:
            self.refused += 1
            raise self.fault

    def stored_circuits(self) -> int:
        """Count the circuits that are stored."""
        with self._engine.connect() as connection:
            return len(connection.execute(select(circuits.c.id)).all())

    def stored_jobs(self) -> int:
        """Count the jobs that are stored."""
        with super().reading() as transaction:
            return sum(transaction.jobs.count_by_status(None).values())
