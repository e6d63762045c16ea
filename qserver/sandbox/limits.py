"""What a child may use."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024

_SYSTEM_PATHS = (
    *("/usr", "/lib", "/lib64", "/bin", "/opt", "/proc", "/sys"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/passwd", "/etc/nsswitch.conf", "/etc/alternatives"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use, whatever it runs.

    `memory_bytes` is what it may take beyond the libraries that its forkserver had loaded already: RLIMIT_DATA makes an
    allocation past it fail, and the forkserver kills a child whose memory, page tables and that of its own children
    included, passes it. None sets no limit (a GPU's driver maps more than a limit could foresee).

    RLIMIT_DATA and not RLIMIT_AS: address space also counts what is reserved and never used, such as the 3.9 GiB that
    the CUDA libraries map, and the 64 MiB arenas of each thread.

    Unless it may start processes, the kernel denies it each one. If it may, the forkserver counts what it started,
    twice a second, and kills it with all of it past `tasks`. There is no RLIMIT_NPROC: it counts every process and
    thread of the user on the machine, the services' own included, and does not bind root at all.
    """

    memory_bytes: int | None = None
    file_bytes: int = 256 * MIB  # of one file
    nice: int = 10
    network: bool = False
    may_start_processes: bool = False
    tasks: int = 512  # its threads and processes, and their threads
    readable_paths: tuple[str, ...] | None = None  # beside its own; None reads whatever the user may


def interpreter_paths() -> tuple[str, ...]:
    """List what a child of this very interpreter needs to read: Python, its packages, and the system's libraries.

    Not among them: other people's homes, /etc, /var, /tmp and /run, the folder in which a service keeps its data, and
    what lies in a checkout beside our packages, such as keys and `.env`.
    """
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    checkout = Path(__file__).parents[2]
    ours = (str(marker.parent) for marker in checkout.glob("*/__init__.py"))
    packages = (str(Path(entry).absolute()) for entry in sys.path if Path(entry).absolute() != checkout)
    found = (*_SYSTEM_PATHS, sys.prefix, sys.base_prefix, *libraries, *ours, *packages)
    return tuple(dict.fromkeys(path for path in found if path))
