"""What a worker's simulators have: what the machine gives, unless settings say otherwise."""

from dataclasses import dataclass

from qserver.machine import Machine
from qserver.settings import MIB, WorkerSettings

SIMULATORS_SHARE = 0.8
"""Part of the memory limit that simulators get; the rest is for the worker itself and the libraries they load."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the worker's simulators have together. `places` is how many small jobs run side by side."""

    cores: int
    places: int
    memory_bytes: int
    gpu_memory_bytes: int = 0

    @property
    def has_gpu(self) -> bool:
        """Whether jobs planned for a GPU may run here."""
        return self.gpu_memory_bytes > 0

    @property
    def share_bytes(self) -> int:
        """Memory of one place when all are taken."""
        return self.memory_bytes // self.places


def size_worker(machine: Machine, settings: WorkerSettings, *, gpu_memory_bytes: int) -> Capacity:
    """Choose processes and memory: settings first, else what the machine gives."""
    return Capacity(
        cores=machine.cores,
        places=settings.simulator_processes or machine.cores,
        memory_bytes=settings.simulator_memory_mib * MIB or int(machine.memory_bytes * SIMULATORS_SHARE),
        gpu_memory_bytes=gpu_memory_bytes,
    )
