"""What this process may use: cores and memory by its own limits (cgroup v1 and v2, affinity), not by the host's.

A container on a large host sees the host's cores and memory in /proc; a service that believed them would start too many
processes and be throttled, or killed by the kernel.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# cgroup v1 says "no limit" by the largest number of whole pages, 2^63 less a page: nothing near it is a real limit.
_V1_UNLIMITED_BYTES = 2**60


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores and memory that the kernel lets this process use."""

    cores: int
    memory_bytes: int


def read_machine(root: Path = Path("/")) -> Machine:
    """Read the limits of this process. `root` is where /proc and /sys are looked for."""
    quota = min(_cpu_quotas(root), default=float("inf"))
    cores = len(os.sched_getaffinity(0))
    memory = min([*_memory_limits(root), _host_memory_bytes(root)])
    # A quota of 1.5 cores runs one process at full speed; two would be throttled in turns.
    return Machine(cores=max(1, int(min(cores, quota))), memory_bytes=memory)


def _cpu_quotas(root: Path) -> Iterator[float]:
    for folder in _cgroup_folders(root, controller="cpu"):
        match _words(folder / "cpu.max"):
            case [quota, period] if quota != "max":
                yield int(quota) / int(period)
        match _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us"):
            case [quota], [period] if int(quota) > 0:
                yield int(quota) / int(period)


def _memory_limits(root: Path) -> Iterator[int]:
    for folder in _cgroup_folders(root, controller="memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            match _words(folder / name):
                case [limit] if limit != "max" and int(limit) < _V1_UNLIMITED_BYTES:
                    yield int(limit)


def _host_memory_bytes(root: Path) -> int:
    for line in (root / "proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{root / 'proc/meminfo'} does not say MemTotal")


def _cgroup_folders(root: Path, *, controller: str) -> Iterator[Path]:
    """Give this process's folders and all above them: any of them may hold the limit that counts."""
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", maxsplit=2)
        for mount in _mounts(controllers, controller):
            # Inside a container of cgroup v1 the path is the host's and not seen here: its root is then our own group.
            for part in (PurePosixPath(path), *PurePosixPath(path).parents):
                yield root / "sys/fs/cgroup" / mount / str(part).lstrip("/")


def _mounts(controllers: str, wanted: str) -> Sequence[str]:
    if controllers == "":  # version 2: one tree for all
        return (".", "unified")
    return (wanted, controllers) if wanted in controllers.split(",") else ()


def _words(path: Path) -> Sequence[str]:
    try:
        return path.read_text().split()
    except OSError:  # another version's name, or a folder that this container doesn't see
        return ()
