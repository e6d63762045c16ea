"""Jobs, results, workers and plugins for tests: plain ones, with what matters to the test named in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import insert

from database import Database, cache_key, circuit_hash
from database.records import Claimant, ClaimedJob, Completion, Lease, NewJob, PluginKind, PluginRecord, WorkerRecord
from database.tables import users
from qserver.circuits import Circuit, CircuitFormat, CircuitProfile, ClassicalRegister, Inspection
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import Job, JobRequest, RunRequest
from qserver.noise_models import OPTION, NoiseModel, reference_to
from qserver.plugins import BackendSpec, Plan
from qserver.results import Array, PubResult, ResultType
from tests.bell import BELL_PLAN, BELL_RUN

LEASE_SECONDS = 60.0
LAPSED = 0.0
"""Seconds of a lease that is over as soon as it is given: no test waits for one."""

ROUTE = "cpu"
WORKER = UUID("00000000-0000-4000-8000-0000000000aa")
OTHER_WORKER = UUID("00000000-0000-4000-8000-0000000000bb")

PROFILE = CircuitProfile(
    num_qubits=2,
    num_clbits=2,
    depth=3,
    size=4,
    gate_counts={"h": 1, "cx": 1},
    num_multi_qubit_gates=1,
    is_clifford=True,
    has_only_final_measurements=True,
    has_mid_circuit_measurement=False,
    has_reset=False,
    has_control_flow=False,
    num_measured_clbits=2,
    classical_registers=(ClassicalRegister("c", 2),),
    parameters=("theta",),
    basis_counts={"h": 1},
    max_interaction_distance=1,
)


def a_plan(*, seconds: float = 0.001, memory_bytes: int = 1024) -> Plan:
    """Give the plan of a small circuit."""
    return replace(BELL_PLAN, memory_bytes=memory_bytes, seconds=seconds)


def a_circuit(source: bytes = b"OPENQASM 2.0;") -> Circuit:
    """Give an inspected circuit."""
    inspection = Inspection(CircuitFormat.OPENQASM2, PROFILE, b"QISKIT" + source)
    return Circuit(CircuitFormat.OPENQASM2, source, inspection)


@dataclass(frozen=True)
class JobBuilder:
    """What a new job is made of."""

    owner: Identity = ANONYMOUS
    source: bytes = b"OPENQASM 2.0;"
    priority: int = 0
    request_id: str | None = None
    expires_at: datetime | None = None
    route: str = ROUTE
    plugin: str = "aer"
    max_attempts: int = 3
    shots: int = 1000
    plan: Plan = field(default_factory=a_plan)
    run: RunRequest | None = None  # one of its own, else for counts
    cache: bool = False
    plugin_version: str = "1"
    noise_model: NoiseModel | None = None  # named in its options

    def build(self) -> NewJob:
        """Make a job that has passed admission."""
        circuit = a_circuit(self.source)
        options = {} if self.noise_model is None else {OPTION: reference_to(self.noise_model.sha256)}
        run = self.run or RunRequest("aer", frozenset({ResultType.COUNTS}), shots=self.shots, options=options)
        sha256 = circuit_hash(circuit.circuit_format, circuit.source, reader="aer 1")
        return NewJob(
            id=uuid4(),
            identity=replace(self.owner, address="192.0.2.1"),
            circuit=circuit,
            circuit_sha256=sha256,
            request=JobRequest(
                run, self.priority, expires_at=self.expires_at, request_id=self.request_id, cache=self.cache
            ),
            plugin=self.plugin,
            route=self.route,
            plan=self.plan,
            max_attempts=self.max_attempts,
            cache_key=self._cache_key(sha256, run) if self.cache else None,
            noise_model=self.noise_model,
        )

    def _cache_key(self, sha256: bytes, run: RunRequest) -> bytes:
        return cache_key(
            self.owner.user_id,
            sha256,
            run,
            plugin=self.plugin,
            plugin_version=self.plugin_version,
            reads_metadata=False,
        )


def submitted(database: Database, *builders: JobBuilder) -> Sequence[Job]:
    """Submit jobs and give them; each must be accepted."""
    with database.transaction(of_one_call=True) as transaction:
        answers = transaction.jobs.submit([builder.build() for builder in builders or (JobBuilder(),)])
    jobs = [answer for answer in answers if isinstance(answer, Job)]
    assert len(jobs) == len(answers)
    return jobs


def claimed(
    database: Database,
    job_ids: Sequence[UUID],
    *,
    worker_id: UUID = WORKER,
    lease_seconds: float = LEASE_SECONDS,
    routes: frozenset[str] = frozenset({ROUTE}),
    memory_bytes: int = 2**40,
    lacking_engines: frozenset[str] = frozenset(),
) -> Sequence[ClaimedJob]:
    """Claim jobs for a worker."""
    with database.transaction(of_one_call=True) as transaction:
        claimant = Claimant(worker_id, routes, memory_bytes, lacking_engines)
        return transaction.jobs.claim(job_ids, claimant, lease_seconds=lease_seconds)


def a_lease(database: Database, builder: JobBuilder | None = None, *, lease_seconds: float = LEASE_SECONDS) -> Lease:
    """Submit a job, claim it, and give the lease."""
    (job,) = submitted(database, builder or JobBuilder())
    (claim,) = claimed(database, [job.id], lease_seconds=lease_seconds)
    return claim.lease


def a_result(*, zeros: int = 512) -> PubResult:
    """Give counts and packed memory of a Bell pair."""
    memory = Array("memory", "bits", (2, 2), b"\x00\xc0")
    return PubResult(BELL_RUN, counts={"11": 1000 - zeros, "00": zeros}, expval=(0.1, 1.0), arrays=(memory,))


def finished(database: Database, lease: Lease, *results: PubResult) -> bool:
    """Try to finish a job; tell whether that was accepted."""
    with database.transaction(of_one_call=True) as transaction:
        return lease.job_id in transaction.jobs.finish([Completion(lease, results or (a_result(),))])


def a_finished_job(database: Database, builder: JobBuilder | None = None) -> UUID:
    """Submit, claim and finish a job; give its id."""
    lease = a_lease(database, builder)
    assert finished(database, lease)
    return lease.job_id


def a_user(database: Database, name: str, role: Role = Role.USER) -> Identity:
    """Store a user, and give their identity."""
    identity = Identity(uuid4(), name, role)
    with database._engine.begin() as connection:
        connection.execute(insert(users).values(id=identity.user_id, name=name, role=role))
    return identity


def read(database: Database, job_id: UUID) -> Job:
    """Read a job as the administrator."""
    with database.reading() as transaction:
        return transaction.jobs.get(job_id, ANONYMOUS)


def a_worker(worker_id: UUID = WORKER, *, routes: frozenset[str] = frozenset({ROUTE}), cores: int = 2) -> WorkerRecord:
    """Describe a worker."""
    return WorkerRecord(
        id=worker_id,
        name=f"worker-{worker_id}",
        host="lab",
        version="0.1.0",
        routes=routes,
        plugins=("aer",),
        devices=("CPU",),
        cores=cores,
        memory_bytes=2**30 * cores,
        gpu_memory_bytes=0,
        simulator_processes=cores,
    )


def a_plugin(name: str = "aer", *, kind: PluginKind = PluginKind.BUILT_IN) -> PluginRecord:
    """Describe a plugin."""
    distribution = name if kind is PluginKind.FILE else None
    return PluginRecord(name, kind, "1.0", datetime(2026, 1, 1, tzinfo=UTC), distribution)


def registered(database: Database, *plugins: str) -> None:
    """Register plugins without backends."""
    with database.transaction() as transaction:
        for name in plugins:
            transaction.plugins.register(a_plugin(name), ())


def a_backend(name: str = "aer", *, description: str = "statevector") -> BackendSpec:
    """Describe a backend."""
    return BackendSpec(
        name=name,
        description=description,
        result_types=frozenset({ResultType.COUNTS, ResultType.EXPVAL}),
        formats=frozenset({CircuitFormat.OPENQASM2}),
        options_schema={"type": "object", "properties": {}},
        sandboxed_options=frozenset({"noise_model"}),
        max_qubits=30,
        qpy_versions=(13, 14),
    )
