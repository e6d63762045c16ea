"""What the kernel counts for processes: CPU time and peak memory, by the tree below a process."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs. Its CPU time includes that of children which it has buried."""

    pid: int
    parent: int
    cpu_seconds: float


def running() -> Mapping[int, Process]:
    """Read proc_pid_stat(5) of every process."""
    found = (_read(entry) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return {process.pid: process for process in found if process}


def _read(entry: Path) -> Process | None:
    try:
        stat = (entry / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return None
    return parse_stat(stat)


def parse_stat(stat: str) -> Process:
    """Read a line of proc_pid_stat(5), whose program name may hold spaces and parentheses."""
    head, _, tail = stat.rpartition(")")
    fields = tail.split()
    ticks = sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return Process(int(head.partition(" ")[0]), int(fields[1]), ticks / _TICKS_A_SECOND)


def below(pid: int, processes: Mapping[int, Process]) -> Iterator[Process]:
    """Give all descendants of a process."""
    children = [process for process in processes.values() if process.parent == pid]
    for child in children:
        yield child
        yield from below(child.pid, processes)


def peak_memory_bytes(pid: int) -> int:
    """Give the most that a process ever had resident (VmHWM); 0 for one that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return parse_peak(status)


def parse_peak(status: str) -> int:
    """Find VmHWM in proc_pid_status(5), in bytes; 0 for a process without memory of its own."""
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024
