"""Our own words for our values: what the original's forms leave out."""

import base64
from collections.abc import Sequence
from uuid import UUID

from database.records import BackendRecord, PluginRecord, WorkerRecord
from qserver.jobs import JobEvent
from qserver.plugins import BackendSpec
from qserver.results import Array
from rest_api import schemas

API_PREFIX = "/api/v1"


def links_view(job_id: UUID) -> schemas.Links:
    """Say where a job's parts are."""
    job = f"{API_PREFIX}/job/{job_id}"
    return schemas.Links(job=job, events=f"{job}/events", result=f"{API_PREFIX}/job/result/{job_id}")


def event_view(event: JobEvent) -> schemas.Event:
    """Show a change of state."""
    return schemas.Event(
        event.sequence, event.status, event.at, event.reason, event.message, event.actor, event.address
    )


def packed_array(array: Array) -> schemas.PackedArray:
    """Show an array, packed as JSON can carry it."""
    return schemas.PackedArray(array.name, array.dtype, array.shape, base64.b64encode(array.data).decode())


def plugin_view(
    plugin: PluginRecord, backends: Sequence[BackendRecord], workers: Sequence[WorkerRecord]
) -> schemas.Plugin:
    """Show a plugin with those of `backends` that are its own, and what `workers` report of it."""
    return schemas.Plugin(
        name=plugin.name,
        kind=plugin.kind,
        version=plugin.version,
        distribution=plugin.distribution,
        added_at=plugin.added_at,
        backends=[_backend_detail(backend.spec) for backend in backends if backend.plugin == plugin.name],
        installations=[
            schemas.Installation(worker.name, report.state, report.message)
            for worker in workers
            if (report := worker.installations.get(plugin.name)) is not None
        ],
    )


def worker_view(worker: WorkerRecord, *, is_live: bool) -> schemas.Worker:
    """Show a worker. Whether it is live is decided by the database's clock."""
    return schemas.Worker(
        id=worker.id,
        name=worker.name,
        host=worker.host,
        version=worker.version,
        is_live=is_live,
        is_draining=worker.is_draining,
        running_jobs=worker.running_jobs,
        simulator_processes=worker.simulator_processes,
        cores=worker.cores,
        memory_bytes=worker.memory_bytes,
        gpu_memory_bytes=worker.gpu_memory_bytes,
        devices=worker.devices,
        routes=sorted(worker.routes),
        plugins=worker.plugins,
        started_at=worker.started_at,
        heartbeat_at=worker.heartbeat_at,
    )


def _backend_detail(spec: BackendSpec) -> schemas.BackendDetail:
    return schemas.BackendDetail(
        name=spec.name,
        description=spec.description,
        result_types=sorted(spec.result_types),
        formats=sorted(spec.formats),
        devices=sorted(spec.devices),
        max_qubits=spec.max_qubits,
        options_schema=spec.options_schema,
        qpy_versions=spec.qpy_versions,
    )
