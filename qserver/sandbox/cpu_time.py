"""Whether a process gets to work: one that uses no CPU time is stopped, frozen, or waits for what never comes."""

import time

HARDLY_WORKS = 0.05
"""A process that was at work for less than this part of its time was held up, if only by a machine far too busy."""

STILL_SECONDS = 0.001
"""CPU time below which a process has done nothing at all."""

_ALL_THREADS = 2  # CPUCLOCK_SCHED, of a process: see clock_getres(2) and the kernel's posix-timers.h


def cpu_seconds(pid: int) -> float | None:
    """Give the CPU time that a process has used, all threads together; None once it is gone. One system call."""
    try:
        return time.clock_gettime(~pid << 3 | _ALL_THREADS)
    except OSError:
        return None


def was_held_up(before: float | None, after: float | None, *, seconds: float) -> bool:
    """Tell whether a process hardly worked for so long, by its CPU time before and after; no where that is unknown."""
    return before is not None and after is not None and after - before < HARDLY_WORKS * seconds


def stood_still(before: float | None, after: float | None) -> bool:
    """Tell whether a process did nothing between two looks at its CPU time; no where that is unknown."""
    return before is not None and after is not None and after - before < STILL_SECONDS
