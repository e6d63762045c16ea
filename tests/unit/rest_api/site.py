"""The HTTP application over a real database, with twins of its other neighbours, and the moves a test makes on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from database import Database, circuit_hash
from database.directory import DatabaseDirectory
from database.records import (
    BackendRecord,
    Claimant,
    ClaimedJob,
    Completion,
    FailedRun,
    NewJob,
    PluginKind,
    PluginRecord,
)
from qserver.access.authenticator import Authenticator
from qserver.access.open_streams import OpenStreams
from qserver.access.opening import open_authenticator
from qserver.access.visitor import Visitor
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.errors import NotFound, PermissionDenied, QServerError, Reason, UnknownBackend
from qserver.identity import ANONYMOUS, Identity
from qserver.jobs import Job, JobRequest, RunRequest
from qserver.noise_models import NoiseModel
from qserver.plugins import BackendSpec
from qserver.results import PhaseSeconds, PubResult, ResultType
from qserver.settings import DatabaseSettings, Settings
from rest_api.app import create_app
from rest_api.event_hub import EventHub
from rest_api.services import Services
from rest_api.submission import AcceptedJob, Submission
from tests.bell import BELL_PLAN, BELL_RUN

BELL = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
BASE_URL = "http://localhost:8080"
CLAIMANT = Claimant(worker_id=UUID(int=7, version=4), routes=frozenset({"cpu"}), memory_bytes=2**30)
LEASE_SECONDS = 30.0
RUN = replace(BELL_RUN, seconds=PhaseSeconds(queued=0.5))
RESULT = PubResult(run=RUN, counts={"00": 600, "11": 400}, quasi_dist={"0": 0.6, "3": 0.4}, expval=(1.0,))


def backend_spec(name: str) -> BackendSpec:
    """Describe a backend."""
    return BackendSpec(
        name=name,
        description="for tests",
        result_types=frozenset(ResultType),
        formats=frozenset(CircuitFormat),
        options_schema={"type": "object", "additionalProperties": False},
    )


@dataclass
class FakeJobsServer:
    """Stores what it is sent, as the real one does, and parses nothing. `failure` is raised where it is set."""

    database: Database
    failure: QServerError | None = None
    received: list[Submission] = field(default_factory=list)
    visitors: list[Visitor] = field(default_factory=list)

    async def submit(self, submission: Submission, visitor: Visitor) -> AcceptedJob:
        """Store a job. Raises UnknownBackend, and AlreadyExists for a request_id used before."""
        await self.ping()
        self.received.append(submission)
        self.visitors.append(visitor)
        run = RunRequest(
            backend=submission.backend,
            result_types=frozenset(submission.result_types),
            shots=submission.shots,
            metadata=submission.metadata,  # type: ignore[arg-type]  # JSON from the wire
        )
        request = JobRequest(run, priority=submission.priority, request_id=submission.request_id)
        job = store(self.database, request, submission.source(), submission.circuit_format)
        return AcceptedJob(job.id, job.pointer, job.status, job.submitted_at)

    async def ping(self) -> None:
        """Answer, or fail as told."""
        if self.failure is not None:
            raise self.failure


def store(
    database: Database,
    request: JobRequest,
    source: bytes,
    circuit_format: CircuitFormat | None = None,
    *,
    identity: Identity = ANONYMOUS,
    noise_model: NoiseModel | None = None,
) -> Job:
    """Put a job into the database."""
    kind = circuit_format or CircuitFormat.OPENQASM2
    backend = _backend(database, request.run.backend)
    new = NewJob(
        id=uuid4(),
        identity=identity,
        circuit=Circuit(kind, source, Inspection(kind, None, None)),
        circuit_sha256=circuit_hash(kind, source, reader="aer 1"),
        request=request,
        plugin=backend.plugin,
        route="cpu",
        plan=BELL_PLAN,
        max_attempts=3,
        noise_model=noise_model,
    )
    with database.transaction() as transaction:
        (answer,) = transaction.jobs.submit([new])
    if not isinstance(answer, Job):
        raise answer
    return answer


def _backend(database: Database, name: str) -> BackendRecord:
    try:
        with database.reading() as transaction:
            return transaction.plugins.backend(name)
    except NotFound as error:
        raise UnknownBackend(f"there is no backend {name}") from error


@dataclass(frozen=True)
class FakeDescription:
    """A package as its own wheel describes it."""

    distribution: str
    version: str
    backends: tuple[BackendSpec, ...]


@dataclass
class FakeCatalog:
    """Packages in a dictionary; one that starts with `secret` is on no allow-list."""

    packages: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"aer-plugin": ("aer",), "fake-plugin": ("fake_one", "fake_two")}
    )

    def describe(self, name: str) -> FakeDescription:
        """Describe a package."""
        if name.startswith("secret"):
            raise PermissionDenied(f"plugin {name!r} is not in the allow-list")
        if name not in self.packages:
            raise NotFound(f"plugin {name!r} can't be found")
        return FakeDescription(name, "0.0.2", tuple(map(backend_spec, self.packages[name])))


@dataclass
class Stage:
    """A database, and the moves that other services make in it."""

    database: Database

    def submit(self, source: str = BELL, **run: object) -> Job:
        """Store a pending job."""
        request = RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS}))
        return store(self.database, JobRequest(replace(request, **run)), source.encode())  # type: ignore[arg-type]

    def claim(self, job: Job) -> ClaimedJob:
        """Start a job as a worker does."""
        with self.database.transaction() as transaction:
            (claimed,) = transaction.jobs.claim([job.id], CLAIMANT, lease_seconds=LEASE_SECONDS)
        return claimed

    def finish(self, job: Job, *results: PubResult) -> None:
        """Run a job to its end."""
        lease = self.claim(job).lease
        with self.database.transaction() as transaction:
            assert transaction.jobs.finish([Completion(lease, results or (RESULT,))]) == {job.id}

    def fail(self, job: Job, reason: Reason, message: str) -> None:
        """Run a job that fails."""
        lease = self.claim(job).lease
        with self.database.transaction() as transaction:
            assert transaction.jobs.fail([FailedRun(lease, reason, message)]) == {job.id}


@dataclass
class Site(Stage):
    """One application with its neighbours and a client."""

    app: FastAPI
    client: httpx.AsyncClient
    services: Services
    jobs_server: FakeJobsServer


def prepare_database(settings: DatabaseSettings) -> None:
    """Make the tables of an empty database, and register the backend `aer`."""
    database = Database.open(settings)
    database.upgrade()
    record = PluginRecord("aer", PluginKind.BUILT_IN, "1", datetime(2026, 1, 1, tzinfo=UTC))
    with database.transaction() as transaction:
        transaction.plugins.sync_built_in(record, [("aer", "aer", backend_spec("aer"))])
    database.close()


def authenticator_of(database: Database, settings: Settings) -> Authenticator:
    """Build the authenticator that the settings ask for."""
    return open_authenticator(
        settings.access, DatabaseDirectory(database), host=settings.rest_api.http_host, variable="QSERVER_HTTP_HOST"
    )


class InstantJobsServer(FakeJobsServer):
    """Knows every backend, and has every job finished before it answers: event streams end by themselves.

    Remembers no request_id: one used before would answer with a job that may be deleted since, as it should.
    """

    async def submit(self, submission: Submission, visitor: Visitor) -> AcceptedJob:
        """Store a job, and run it."""
        harmless = submission.model_copy(update={"backend": "aer", "request_id": None})
        accepted = await super().submit(harmless, visitor)
        with self.database.reading() as transaction:
            job = transaction.jobs.get(accepted.id, ANONYMOUS)
        Stage(self.database).finish(job)
        return accepted


def build_site(settings: Settings, kind: type[FakeJobsServer] = FakeJobsServer) -> Site:
    """Build a site over a prepared database."""
    database = Database.open(settings.database)
    jobs_server = kind(database)
    authenticator = authenticator_of(database, settings)
    services = Services(
        settings=settings,
        database=database,
        jobs_server=jobs_server,
        plugin_installer=FakeCatalog(),
        event_hub=EventHub(database.changes, max_streams=settings.rest_api.event_streams),
        authenticator=authenticator,
        open_streams=OpenStreams(
            authenticator,
            beat_seconds=settings.access.key_cache_seconds,
            most_per_user=settings.quotas.max_open_streams_per_user,
        ),
    )
    app = create_app(services)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL)
    return Site(database, app, client, services, jobs_server)
