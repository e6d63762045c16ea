"""What a worker's simulators have: what the machine gives, unless settings say otherwise."""

from dataclasses import dataclass

from qserver.machine import Machine
from qserver.settings import MIB, WorkerSettings

SIMULATORS_SHARE = 0.8
"""Part of the memory limit that simulators get; the rest is for the worker itself and the libraries they load."""


SMALL_PART = 8
"""Small jobs live on this part of a place's share while a large one needs the rest: 640 MiB of 5 GiB, say."""

PLACES_TO_LEAVE_ONE = 4
"""With fewer, a place is a third of the machine or more: too much to keep from a large job."""


@dataclass(frozen=True, slots=True)
class WideShare:
    """What a job on many cores gets: places in the scheduler's account, threads, and memory."""

    places: int
    threads: int
    memory_bytes: int


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

    def of_wide(self, memory_bytes: int) -> "WideShare":
        """Give what a job on many cores gets that is foreseen to need so much memory.

        From 4 places on it leaves one to small jobs, so that nobody waits for its end: unless it needs all memory. Of
        that place's memory it may take what small jobs can do without.
        """
        most_bytes = self.memory_bytes - self.share_bytes // SMALL_PART
        if self.places < PLACES_TO_LEAVE_ONE or memory_bytes > most_bytes:
            return WideShare(self.places, self.cores, self.memory_bytes)
        usual_bytes = self.memory_bytes - self.share_bytes
        threads = max(1, self.cores * (self.places - 1) // self.places)
        return WideShare(self.places - 1, threads, usual_bytes if memory_bytes <= usual_bytes else most_bytes)


def size_worker(machine: Machine, settings: WorkerSettings, *, gpu_memory_bytes: int) -> Capacity:
    """Choose processes and memory: settings first, else what the machine gives."""
    return Capacity(
        cores=machine.cores,
        places=settings.simulator_processes or machine.cores,
        memory_bytes=settings.simulator_memory_mib * MIB or int(machine.memory_bytes * SIMULATORS_SHARE),
        gpu_memory_bytes=gpu_memory_bytes,
    )
