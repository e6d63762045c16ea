"""Admission: the one path by which a submission, from whatever door, becomes a job that can be stored."""

from dataclasses import dataclass, replace
from uuid import uuid4

from database.circuits import circuit_hash
from database.records import NewJob
from jobs_server import limits as checks
from jobs_server.catalog import Catalog, KnownBackend
from jobs_server.circuits import CircuitLibrary
from jobs_server.formats import decode, detect_format
from jobs_server.inspectors import InspectorPool
from jobs_server.sandboxed_options import SandboxedOptions
from plugins.registry import Registry
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.clock import Clock
from qserver.errors import InvalidCircuit, InvalidRequest, Reason
from qserver.identity import Identity
from qserver.jobs import JobRequest, RunRequest
from qserver.plugins import CPU_ROUTE, GPU_ROUTE, LARGE_ROUTE, Plan, file_plugin_route
from qserver.results import ResultType
from qserver.settings import MIB, Settings


@dataclass(frozen=True, slots=True)
class Submission:
    """What a client sends for one job, read from its message."""

    identity: Identity
    request: JobRequest
    source: bytes
    client_address: str | None = None


class Admission:
    """Turns submissions into jobs, or says what is wrong with them. Stores nothing."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        library: CircuitLibrary,
        inspectors: InspectorPool,
        registry: Registry,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """Use what the server has."""
        self._clock = clock
        self._catalog = catalog
        self._library = library
        self._registry = registry
        self._limits = settings.limits
        self._large_memory_bytes = settings.dispatcher.large_job_memory_mib * MIB
        self._max_attempts = settings.lease.max_attempts
        self._sandboxed = SandboxedOptions(inspectors)

    async def admit(self, submission: Submission) -> NewJob:
        """Give the job to store. Raises InvalidRequest (or a kind of it), Unavailable or Overloaded."""
        request = submission.request
        checks.check_request(request, self._limits)
        checks.check_expiry(request, now=self._clock.now())
        backend = await self._catalog.backend(request.run.backend)
        _check_result_types(backend, request.run)
        backend.options.check(request.run.options)
        checks.check_source(submission.source, self._limits)
        circuit_format = _circuit_format(backend, submission)
        await self._sandboxed.check(submission.identity.user_id, backend, request.run)
        sha256 = circuit_hash(circuit_format, submission.source, reader=self._reader(backend))
        inspection = await self._inspect(submission, backend, circuit_format, sha256)
        plan = await self._plan(backend, inspection, request.run)
        return NewJob(
            id=uuid4(),
            identity=submission.identity,
            circuit=Circuit(circuit_format, submission.source, inspection),
            circuit_sha256=sha256,
            request=replace(request, circuit_format=circuit_format),
            plugin=backend.record.plugin,
            route=self._route(backend, plan),
            plan=plan,
            max_attempts=self._max_attempts,
            submitted_from=submission.client_address,
        )

    async def _inspect(
        self, submission: Submission, backend: KnownBackend, circuit_format: CircuitFormat, sha256: bytes
    ) -> Inspection:
        if backend.file_plugin is not None:
            return Inspection(CircuitFormat.TEXT, profile=None, qpy=None)
        inspection = await self._library.inspection(
            submission.identity.user_id, backend.record.plugin, submission.source, circuit_format, sha256=sha256
        )
        if inspection.profile is not None:
            checks.check_profile(inspection.profile, self._limits)
        return inspection

    def _reader(self, backend: KnownBackend) -> str | None:
        if backend.file_plugin is not None:
            return None
        plugin = self._registry.plugin(backend.record.plugin)
        return f"{plugin.name} {plugin.version}"

    async def _plan(self, backend: KnownBackend, inspection: Inspection, run: RunRequest) -> Plan:
        plugin = backend.file_plugin or self._registry.plugin(backend.record.plugin)
        return plugin.plan(inspection.profile, run, await self._catalog.resources())

    def _route(self, backend: KnownBackend, plan: Plan) -> str:
        if backend.file_plugin is not None:
            return file_plugin_route(backend.record.plugin)
        if plan.device == "GPU":
            return GPU_ROUTE
        return LARGE_ROUTE if plan.memory_bytes > self._large_memory_bytes else CPU_ROUTE


def _check_result_types(backend: KnownBackend, run: RunRequest) -> None:
    spec = backend.record.spec
    for result_type in sorted(run.result_types - spec.result_types):
        given = ", ".join(sorted(spec.result_types))
        raise InvalidRequest(
            f"backend {spec.name} gives no {result_type}; it gives: {given}", reason=Reason.UNSUPPORTED_RESULT_TYPE
        )
    if ResultType.EXPVAL in run.result_types and not run.observables and backend.file_plugin is None:
        raise InvalidRequest("expval is asked for without observables", reason=Reason.INVALID_OBSERVABLE)


def _circuit_format(backend: KnownBackend, submission: Submission) -> CircuitFormat:
    if backend.file_plugin is not None:
        if submission.request.circuit_format is CircuitFormat.QPY:
            raise InvalidCircuit(f"backend {backend.record.spec.name} takes text, and circuit_format says qpy")
        decode(submission.source)
        return CircuitFormat.TEXT
    found = detect_format(submission.source, submission.request.circuit_format)
    if found not in backend.record.spec.formats:
        taken = ", ".join(sorted(backend.record.spec.formats))
        raise InvalidCircuit(f"backend {backend.record.spec.name} takes no {found}; it takes: {taken}")
    return found
