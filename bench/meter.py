"""Seconds on the clock and CPU seconds of each part, around a piece of work."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bench import processes
from bench.processes import Process

Given = TypeVar("Given")

CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Part:
    """A process whose use is told apart; `below` names what runs below it, which otherwise counts as its own."""

    name: str
    pid: int
    below: str = ""


@dataclass(frozen=True, slots=True)
class Measured(Generic[Given]):
    """What a piece of work gave, and what it took. CPU seconds are by part; the client's are this process's own."""

    given: Given
    seconds: float
    cpu_seconds: Mapping[str, float]

    def cpu_milliseconds_a_job(self, jobs: int) -> Mapping[str, float]:
        """Divide the CPU time of each part by the jobs."""
        return {part: 1000 * seconds / jobs for part, seconds in self.cpu_seconds.items()}

    @property
    def served_cpu_seconds(self) -> float:
        """The CPU time of all parts but the client."""
        return sum(seconds for part, seconds in self.cpu_seconds.items() if part != CLIENT)


def measure(parts: Sequence[Part], work: Callable[[], Given]) -> Measured[Given]:
    """Do the work and tell what it took."""
    used_before = _cpu_seconds(parts)
    started_at = time.perf_counter()
    given = work()
    seconds = time.perf_counter() - started_at
    used = _cpu_seconds(parts)
    return Measured(given, seconds, {part: used[part] - before for part, before in used_before.items()})


def _cpu_seconds(parts: Sequence[Part]) -> Mapping[str, float]:
    return {CLIENT: time.process_time(), **_sums(parts, lambda process: process.cpu_seconds)}


def peak_memory_bytes(parts: Sequence[Part]) -> Mapping[str, float]:
    """Give the peak of each part; of several processes the sum, in which pages that they share count for each."""
    return _sums(parts, lambda process: processes.peak_memory_bytes(process.pid))


def _sums(parts: Sequence[Part], of: Callable[[Process], float]) -> Mapping[str, float]:
    sums: dict[str, float] = {}
    for name, process in _named(parts, processes.running()):
        sums[name] = sums.get(name, 0) + of(process)
    return sums


def _named(parts: Sequence[Part], running: Mapping[int, Process]) -> Iterator[tuple[str, Process]]:
    """Give every process of the parts with the name that it counts for. Raises RuntimeError for a part that ended."""
    for part in parts:
        if part.pid not in running:
            raise RuntimeError(f"{part.name} (process {part.pid}) ended while it was measured")
        yield part.name, running[part.pid]
        for process in processes.below(part.pid, running):
            yield part.below or part.name, process
