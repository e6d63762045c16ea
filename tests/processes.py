"""What the kernel tells of processes that may end at any moment."""

from collections.abc import Sequence
from pathlib import Path


def is_running(pid: int) -> bool:
    """Tell whether a process runs. One that has ended and waits for its parent to notice does not."""
    fields = _stat_fields(pid)
    return bool(fields) and fields[0] not in {"Z", "X"}


def parent_of(pid: int) -> int:
    """Give the parent's process id; 0 for a process that has ended."""
    fields = _stat_fields(pid)
    return int(fields[1]) if fields else 0


def children_of(parent: int) -> set[int]:
    """Give the ids of all processes that `parent` started and has not buried yet."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return {pid for pid in pids if parent_of(pid) == parent}


def descendants_of(pid: int) -> set[int]:
    """Give the ids of all processes below `pid`."""
    children = children_of(pid)
    return children.union(*(descendants_of(child) for child in children))


def descriptors_of(process: int | str) -> set[str]:
    """Name the open descriptors. A new one was forgotten; one that is missing may have been garbage of another test."""
    return {entry.name for entry in Path(f"/proc/{process}/fd").iterdir()}


def _stat_fields(pid: int) -> Sequence[str]:
    """Give the fields of proc_pid_stat(5) after the program's name; none for a process that is gone."""
    try:
        # Opening fails where it is gone, reading where it goes in between: two different errors.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ()
