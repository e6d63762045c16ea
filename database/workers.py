"""Workers: what each says of itself, and when it was last heard of."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, select, update

from database.changes import ChangeKind
from database.documents import decode_installations, encode_installations
from database.records import PluginInstallation, WorkerRecord
from database.tables import workers
from database.types import Now, SecondsFromNow
from database.work import Parameters, Work
from qserver.errors import NotFound
from qserver.plugins import Resources


class Workers:
    """The registered workers."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def register(self, worker: WorkerRecord) -> None:
        """Add a worker, or put a new description in place of the old one. Its times are the database's."""
        row = _row(worker)
        statement = self._work.insert(workers).values(row)
        renewed = {**row, "started_at": Now(), "heartbeat_at": Now()}
        self._work.execute(statement.on_conflict_do_update(index_elements=["id"], set_=renewed))
        self._work.announce(ChangeKind.WORK)

    def heartbeat(
        self,
        worker_id: UUID,
        *,
        running_jobs: int,
        installations: Mapping[str, PluginInstallation],
        routes: frozenset[str],
        plugins: tuple[str, ...],
        is_draining: bool,
    ) -> None:
        """Say that a worker lives, and what changed of it. Raises NotFound where it must register again."""
        values = {
            "running_jobs": running_jobs,
            "installations": encode_installations(installations),
            "routes": sorted(routes),
            "plugins": list(plugins),
            "is_draining": is_draining,
        }
        statement = update(workers).where(workers.c.id == worker_id).values(**values, heartbeat_at=Now())
        if self._work.execute(statement).rowcount == 0:
            raise NotFound(f"there is no worker {worker_id}")

    def remove(self, worker_id: UUID) -> None:
        """Forget a worker that stopped. Its leases stay until they are released or run out. Safe to repeat."""
        self._work.execute(delete(workers).where(workers.c.id == worker_id))

    def remove_all(self) -> None:
        """Forget all workers, for whoever knows that none lives."""
        self._work.execute(delete(workers))

    def list(self, *, live_within_seconds: float | None = None) -> Sequence[WorkerRecord]:
        """List workers by name; with `live_within_seconds` only those heard of that lately."""
        statement = select(workers).order_by(workers.c.name, workers.c.id)
        if live_within_seconds is not None:
            statement = statement.where(workers.c.heartbeat_at > SecondsFromNow(-live_within_seconds))
        return [_worker_from(row) for row in self._work.execute(statement).mappings()]

    def resources(self) -> Resources:
        """Give the most that any known worker has, and the plugins of all; zeros and none where none is known."""
        columns = (workers.c.memory_bytes, workers.c.gpu_memory_bytes, workers.c.cores)
        row = self._work.execute(select(*(func.coalesce(func.max(column), 0) for column in columns))).one()
        memory_bytes, gpu_memory_bytes, cores = (int(str(value)) for value in row)
        return Resources(memory_bytes, gpu_memory_bytes, cores, self._plugins())

    def _plugins(self) -> frozenset[str]:
        listed = self._work.execute(select(workers.c.plugins)).scalars()
        return frozenset(name for names in listed for name in names)


def _row(worker: WorkerRecord) -> Parameters:
    return {
        "id": worker.id,
        "name": worker.name,
        "host": worker.host,
        "version": worker.version,
        "routes": sorted(worker.routes),
        "plugins": list(worker.plugins),
        "devices": list(worker.devices),
        "installations": encode_installations(worker.installations),
        "cores": worker.cores,
        "memory_bytes": worker.memory_bytes,
        "gpu_memory_bytes": worker.gpu_memory_bytes,
        "simulator_processes": worker.simulator_processes,
        "running_jobs": worker.running_jobs,
        "is_draining": worker.is_draining,
    }


def _worker_from(row: RowMapping) -> WorkerRecord:
    return WorkerRecord(
        id=row["id"],
        name=row["name"],
        host=row["host"],
        version=row["version"],
        routes=frozenset(row["routes"]),
        plugins=tuple(row["plugins"]),
        devices=tuple(row["devices"]),
        cores=row["cores"],
        memory_bytes=row["memory_bytes"],
        gpu_memory_bytes=row["gpu_memory_bytes"],
        simulator_processes=row["simulator_processes"],
        installations=decode_installations(row["installations"]),
        running_jobs=row["running_jobs"],
        is_draining=row["is_draining"],
        started_at=row["started_at"],
        heartbeat_at=row["heartbeat_at"],
    )
