"""Admission: the one path by which a submission, from whatever door, becomes a job that can be stored."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from database.cache_keys import cache_key
from database.circuits import circuit_hash
from database.records import NewJob
from jobs_server import limits as checks
from jobs_server.catalog import Catalog, KnownBackend
from jobs_server.circuits import CircuitLibrary, SentCircuit
from jobs_server.formats import decode, detect_format
from jobs_server.inspectors import InspectorPool
from jobs_server.large_work import LargeWork
from jobs_server.loading import with_loading
from jobs_server.noise_models import NoiseModels
from jobs_server.pauses import Pauses
from jobs_server.plan_memory import PlanMemory
from jobs_server.readings import Reading
from jobs_server.sandboxed_options import SandboxedOptions
from plugins.registry import Registry
from qserver.circuits import Circuit, CircuitFormat, CircuitSource, Inspection
from qserver.clock import Clock
from qserver.errors import InvalidCircuit, InvalidRequest, Reason
from qserver.identity import Identity
from qserver.ids import new_id
from qserver.jobs import JobRequest, RunRequest
from qserver.noise_models import NoiseModel
from qserver.plugins import CPU_ROUTE, GPU_ROUTE, LARGE_ROUTE, Plan, Resources, file_plugin_route
from qserver.results import ResultType
from qserver.settings import MIB, Settings

_SOURCE_BYTES_A_MESSAGE_BYTE = 16
_CHECKED_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Submission:
    """What a client sends for one job, read from its message."""

    identity: Identity
    request: JobRequest
    source: bytes
    noise_model: NoiseModel | None = None  # that the options refer to, where it came along
    spec_bytes: int = 0  # of the message that the request was read from

    @property
    def work_bytes(self) -> int:
        """What looking at it costs, in bytes of a message: those of a circuit are only hashed and decoded."""
        return self.spec_bytes + len(self.source) // _SOURCE_BYTES_A_MESSAGE_BYTE


@dataclass(frozen=True, slots=True)
class _Draft:
    """A submission of which all is right that can be told without reading its circuit."""

    submission: Submission
    backend: KnownBackend
    circuit_format: CircuitFormat
    sha256: bytes


Admitted: TypeAlias = NewJob | Exception
_Backends: TypeAlias = Mapping[str, KnownBackend | Exception]


class Admission:
    """Turns submissions into jobs, or says what is wrong with them. Stores nothing."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        library: CircuitLibrary,
        inspectors: InspectorPool,
        noise_models: NoiseModels,
        registry: Registry,
        settings: Settings,
        clock: Clock,
        large_work: LargeWork,
    ) -> None:
        """Use what the server has."""
        self._large_work = large_work
        self._clock = clock
        self._catalog = catalog
        self._library = library
        self._registry = registry
        self._limits = settings.limits
        self._large_memory_bytes = settings.dispatcher.large_job_memory_mib * MIB
        self._max_attempts = settings.lease.max_attempts
        self._plans = PlanMemory()
        self._sandboxed = SandboxedOptions(inspectors)
        self._noise_models = noise_models

    async def admit_all(self, submissions: Sequence[Submission]) -> Sequence[Admitted]:
        """Give for each submission, in order, the job to store, or why it is refused. Raises Unavailable.

        An error is InvalidRequest (or a kind of it) or Unavailable; none takes another submission with it.
        """
        backends = await self._backends(submissions)
        checked = await self._check_all(submissions, backends)
        checked = await self._check_all_in_sandbox(checked) if _has_options(checked) else checked
        drafts = [found for found in checked if isinstance(found, _Draft)]
        readings = iter(await self._read(drafts))
        resources = await self._catalog.resources()
        admitted, pauses = [], Pauses()
        for found in checked:
            admitted.append(self._job(found, next(readings), resources) if isinstance(found, _Draft) else found)
            if pauses.is_due:
                await pauses.take()
        return admitted

    async def _backends(self, submissions: Sequence[Submission]) -> _Backends:
        names = list(dict.fromkeys(submission.request.run.backend for submission in submissions))
        found = await asyncio.gather(*map(self._backend, names))
        return dict(zip(names, found, strict=True))

    async def _backend(self, name: str) -> KnownBackend | Exception:
        try:
            checks.check_backend_name(name)
            return await self._catalog.backend(name)
        except Exception as error:  # noqa: BLE001 - it is the answer to those that name it; the others go on
            return error

    async def _check_all(self, submissions: Sequence[Submission], backends: _Backends) -> Sequence[_Draft | Exception]:
        checked, pauses = [], Pauses()
        for submission in submissions:
            user_id, check = submission.identity.user_id, partial(self._check, submission, backends)
            checked.append(await self._large_work.do(user_id, submission.work_bytes, check))
            if pauses.is_due:
                await pauses.take()
        return checked

    def _check(self, submission: Submission, backends: _Backends) -> _Draft | Exception:
        try:
            return self._draft(submission, backends)
        except Exception as error:  # noqa: BLE001 - it is the answer to this one; the others go on
            return error

    def _draft(self, submission: Submission, backends: _Backends) -> _Draft:
        request = submission.request
        checks.check_request(request, self._limits)
        checks.check_expiry(request, now=self._clock.now())
        backend = backends[request.run.backend]
        if isinstance(backend, Exception):
            raise backend
        _check_result_types(backend, request.run)
        run = self._noise_models.put_back(backend, request.run, submission.noise_model)
        submission = replace(submission, request=replace(request, run=run)) if run is not request.run else submission
        backend.options.check(run.options)
        checks.check_source(submission.source, self._limits)
        circuit_format = _circuit_format(backend, submission)
        sha256 = circuit_hash(circuit_format, submission.source, reader=self._reader(backend))
        return _Draft(submission, backend, circuit_format, sha256)

    async def _check_all_in_sandbox(self, checked: Sequence[_Draft | Exception]) -> Sequence[_Draft | Exception]:
        found: list[_Draft | Exception] = []
        for start in range(0, len(checked), _CHECKED_TOGETHER):
            found += await asyncio.gather(*map(self._check_in_sandbox, checked[start : start + _CHECKED_TOGETHER]))
        return found

    async def _check_in_sandbox(self, draft: _Draft | Exception) -> _Draft | Exception:
        if isinstance(draft, Exception):
            return draft
        try:
            submission, user_id = draft.submission, draft.submission.identity.user_id
            await self._sandboxed.check(user_id, draft.backend, submission.request.run)
            run, model = await self._noise_models.settled(
                user_id, draft.backend, submission.request.run, submission.noise_model
            )
        except Exception as error:  # noqa: BLE001 - it is the answer to this one; the others go on
            return error
        request = replace(submission.request, run=run)
        return replace(draft, submission=replace(submission, request=request, noise_model=model))

    async def _read(self, drafts: Sequence[_Draft]) -> Sequence[Reading]:
        sent = [
            SentCircuit(
                key=(draft.submission.identity.user_id, draft.sha256),
                plugin=draft.backend.record.plugin,
                circuit=CircuitSource(draft.circuit_format, draft.submission.source),
            )
            for draft in drafts
            if draft.backend.file_plugin is None
        ]
        readings = iter(await self._library.inspections(sent)) if sent else iter(())
        unread = Inspection(CircuitFormat.TEXT, profile=None, qpy=None)
        return [next(readings) if draft.backend.file_plugin is None else unread for draft in drafts]

    def _job(self, draft: _Draft, reading: Reading, resources: Resources) -> Admitted:
        if isinstance(reading, Exception):
            return reading
        try:
            return self._planned(draft, reading, resources)
        except Exception as error:  # noqa: BLE001 - it is the answer to this one; the others go on
            return error

    def _planned(self, draft: _Draft, inspection: Inspection, resources: Resources) -> NewJob:
        submission, backend = draft.submission, draft.backend
        request = submission.request
        if inspection.profile is not None:
            checks.check_profile(inspection.profile, self._limits)
        plugin = backend.file_plugin or self._registry.plugin(backend.record.plugin)
        circuit = Circuit(draft.circuit_format, submission.source, inspection)
        plan = self._plans.plan(plugin, inspection.profile, request.run, resources)
        plan = with_loading(plan, circuit, request.run)
        return NewJob(
            id=new_id(),
            identity=submission.identity,
            circuit=circuit,
            circuit_sha256=draft.sha256,
            request=replace(request, circuit_format=draft.circuit_format),
            plugin=backend.record.plugin,
            route=self._route(backend, plan, resources),
            plan=plan,
            max_attempts=self._max_attempts,
            cache_key=self._cache_key(draft) if request.cache else None,
            noise_model=submission.noise_model,
        )

    def _cache_key(self, draft: _Draft) -> bytes:
        backend = draft.backend
        plugin = backend.file_plugin or self._registry.plugin(backend.record.plugin)
        return cache_key(
            draft.submission.identity.user_id,
            draft.sha256,
            draft.submission.request.run,
            plugin=backend.record.plugin,
            plugin_version=plugin.version,
            reads_metadata=backend.file_plugin is not None,
        )

    def _reader(self, backend: KnownBackend) -> str | None:
        if backend.file_plugin is not None:
            return None
        plugin = self._registry.plugin(backend.record.plugin)
        return f"{plugin.name} {plugin.version}"

    def _route(self, backend: KnownBackend, plan: Plan, resources: Resources) -> str:
        if backend.file_plugin is not None:
            return file_plugin_route(backend.record.plugin)
        if plan.device == "GPU":
            return GPU_ROUTE
        wants_all_cores = plan.threads == 0 and resources.memory_bytes >= self._large_memory_bytes
        return LARGE_ROUTE if wants_all_cores or plan.memory_bytes > self._large_memory_bytes else CPU_ROUTE


def _has_options(checked: Sequence[_Draft | Exception]) -> bool:
    return any(isinstance(found, _Draft) and found.submission.request.run.options for found in checked)


def _check_result_types(backend: KnownBackend, run: RunRequest) -> None:
    spec = backend.record.spec
    for result_type in sorted(run.result_types - spec.result_types):
        given = ", ".join(sorted(spec.result_types))
        raise InvalidRequest(
            f"backend {spec.name} gives no {result_type}; it gives: {given}", reason=Reason.UNSUPPORTED_RESULT_TYPE
        )
    if run.sweep is not None:
        _check_takes_pubs(backend)
    elif ResultType.EXPVAL in run.result_types and not run.observables and backend.file_plugin is None:
        raise InvalidRequest("expval is asked for without observables", reason=Reason.INVALID_OBSERVABLE)


def _check_takes_pubs(backend: KnownBackend) -> None:
    spec = backend.record.spec
    if not spec.takes_pubs:
        raise InvalidRequest(
            f"backend {spec.name} runs single circuits, no PUBs; bind the parameters and submit each circuit by "
            "itself, or use the backend aer"
        )


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
