"""How this worker describes itself to others: who it is, what it may claim."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from database.records import Claimant, WorkerRecord
from qserver import __version__
from qserver.plugins import CPU_ROUTE, GPU_ROUTE, LARGE_ROUTE
from qserver.settings import MIB, Settings
from worker.board import Board
from worker.capacity import Capacity
from worker.file_plugins import FilePlugins, routes_of
from worker.groups import GPU_DEVICE, Lane

CPU_DEVICE = "CPU"


@dataclass(frozen=True, slots=True)
class Identification:
    """What never changes about a worker."""

    id: UUID
    name: str
    host: str
    version: str


def identify(worker_id: UUID, settings: Settings) -> Identification:
    """Name this worker: by its setting, else by host and process id."""
    host = socket.gethostname()
    return Identification(
        id=worker_id,
        name=settings.worker.worker_name or f"{host}-{os.getpid()}",
        host=host,
        version=__version__,
    )


class Description:
    """The worker as it is at the moment."""

    def __init__(
        self,
        identification: Identification,
        *,
        capacity: Capacity,
        settings: Settings,
        built_in: Sequence[str],
        lacking_engines: frozenset[str],
        file_plugins: FilePlugins | None,
        board: Board,
    ) -> None:
        """Describe a worker that runs the `built_in` plugins, but for `lacking_engines`, and perhaps file plugins."""
        self._identification = identification
        self._capacity = capacity
        self._settings = settings
        self._built_in = tuple(name for name in built_in if name not in lacking_engines)
        self._lacking_engines = lacking_engines
        self._file_plugins = file_plugins
        self._board = board

    def record(self) -> WorkerRecord:
        """Give the row of the table of workers."""
        return WorkerRecord(
            id=self._identification.id,
            name=self._identification.name,
            host=self._identification.host,
            version=self._identification.version,
            routes=self._fit_routes(),
            plugins=(*self._built_in, *sorted(self._ready())),
            devices=(CPU_DEVICE, GPU_DEVICE) if self._capacity.has_gpu else (CPU_DEVICE,),
            cores=self._capacity.cores,
            memory_bytes=self._capacity.memory_bytes,
            gpu_memory_bytes=self._capacity.gpu_memory_bytes,
            simulator_processes=self._capacity.places,
            installations=self._file_plugins.installations() if self._file_plugins else {},
            running_jobs=self._board.held_jobs(),
            is_draining=self._board.is_closed,
        )

    def _fit_routes(self) -> frozenset[str]:
        """Name the routes that it serves now: who can't simulate promises nothing."""
        unfit = self._board.unfit_lanes()
        core_routes = frozenset() if unfit & {Lane.NARROW, Lane.WIDE} else self.core_routes()
        return core_routes | (frozenset() if Lane.GPU in unfit else self.gpu_routes())

    def core_routes(self) -> frozenset[str]:
        """Name the routes whose jobs run on cores."""
        is_large = self._capacity.memory_bytes >= self._settings.dispatcher.large_job_memory_mib * MIB
        large = {LARGE_ROUTE} if is_large else set()
        return frozenset({CPU_ROUTE}) | large | routes_of(self._ready())

    def gpu_routes(self) -> frozenset[str]:
        """Name the routes whose jobs run on the GPU."""
        return frozenset({GPU_ROUTE}) if self._capacity.has_gpu else frozenset()

    def claimant(self, *, gpu: bool) -> Claimant:
        """Say what may be claimed for the GPU, or for the cores."""
        if gpu:
            routes, memory_bytes = self.gpu_routes(), self._capacity.gpu_memory_bytes
        else:
            routes, memory_bytes = self.core_routes(), self._capacity.memory_bytes
        return Claimant(self._identification.id, routes, memory_bytes, self._lacking_engines)

    def _ready(self) -> frozenset[str]:
        return self._file_plugins.ready() if self._file_plugins else frozenset()
