"""How much memory a child and its descendants hold, and what is known of the kernel's out-of-memory killer.

How sure is "out of memory"? A MemoryError is reported by the child itself, and the forkserver's watch knows whom it
killed: these are certain. A failed allocation in C++ or Rust ends in SIGABRT, and is told from other aborts by what the
runtime prints last (`std::bad_alloc`, "memory allocation of ... failed"). A SIGKILL that nobody here sent is put down
to the kernel where its counter of such kills rose while the child lived: by cgroup where that can be read, else for the
whole machine, where somebody else's death may be mistaken for ours. Where there is no counter at all, SIGKILL alone
counts as proof, since little else sends it.
"""

import os
import signal
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SESSION_FIELD, _THREADS_FIELD, _RESIDENT_FIELD = 3, 17, 21
"""Of /proc/<pid>/stat, counted after the name; see proc_pid_stat(5)."""

_MAX_STAT_BYTES = 4096  # 52 numbers and a name of 15 bytes

_ABORT_WORDS = ("std::bad_alloc", "memory allocation of", "cannot allocate memory", "out of memory")


@dataclass(frozen=True, slots=True)
class Use:
    """What processes take: resident memory, and entries of the kernel's table, of which each thread has one."""

    memory_bytes: int = 0
    tasks: int = 0

    def __add__(self, other: "Use") -> "Use":
        """Add up."""
        return Use(self.memory_bytes + other.memory_bytes, self.tasks + other.tasks)


def use_of(pid: int) -> Use:
    """Give what one process takes; nothing once it is gone."""
    fields = _stat_fields(pid)
    return _use(fields) if fields else Use()


def session_memory_bytes(session: int) -> int:
    """Add up the resident memory of all processes of a session. Costs about 5 us for each process of the machine."""
    return use_by_session().get(session, Use()).memory_bytes


def use_by_session() -> Mapping[int, Use]:
    """Add up what every session of the machine takes.

    Sessions, because a child leads its own and what it starts can't leave it, while parenthood is lost with each
    process in between that ends.
    """
    totals: dict[int, Use] = defaultdict(Use)
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and (fields := _stat_fields(entry.name)):
            totals[int(fields[_SESSION_FIELD])] += _use(fields)
    return totals


def resident_bytes(pid: int) -> int:
    """Give one process's resident memory; 0 once it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def data_bytes() -> int:
    """Give what RLIMIT_DATA counts of this process: its writable private mappings."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def ran_out_of_memory(*, signal_number: int | None, last_words: str, kills_before: int | None) -> bool:
    """Judge from its end whether a child died for lack of memory; see the module on how sure that is.

    `kills_before` is `kernel_oom_kills()` as it was when the child started.
    """
    if signal_number == signal.SIGABRT:
        return any(words in last_words for words in _ABORT_WORDS)
    if signal_number == signal.SIGKILL:
        kills_now = kernel_oom_kills()
        return kills_before is None or kills_now is None or kills_now > kills_before
    return False


def kernel_oom_kills() -> int | None:
    """Count the kernel's kills for lack of memory: in our cgroup, else on the machine; None where neither is told."""
    for path in (_cgroup_folder() / "memory.events", Path("/proc/vmstat")):
        count = _read_counter(path, "oom_kill")
        if count is not None:
            return count
    return None


def _use(fields: Sequence[str]) -> Use:
    return Use(int(fields[_RESIDENT_FIELD]) * _PAGE_BYTES, int(fields[_THREADS_FIELD]))


def _stat_fields(pid: int | str) -> list[str]:
    """Read by the bare calls: with a path and a file it takes more than twice as long, and there are many to read."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:  # it ended meanwhile
        return []
    try:
        text = os.read(descriptor, _MAX_STAT_BYTES)
    except OSError:  # it ended just now
        return []
    finally:
        os.close(descriptor)
    return text.rpartition(b")")[2].decode("ascii").split()  # a process's name may hold spaces and parentheses


def _cgroup_folder() -> Path:
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        if line.startswith("0::"):
            return Path("/sys/fs/cgroup") / line.removeprefix("0::").lstrip("/")
    return Path("/sys/fs/cgroup")


def _read_counter(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(value) for key, _, value in (line.partition(" ") for line in lines) if key == name), None)
