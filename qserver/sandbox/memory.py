"""How much memory a child and its descendants hold, and what is known of the kernel's out-of-memory killer.

Counted is what the kernel holds for a process and nobody else: its resident pages, those that were moved to swap, huge
ones, and the tables that say where its pages are. The tables of a large mapping that is touched here and there are
larger than its pages: a page of zeros that is read every 2 MiB costs 4 KiB of tables and is itself not counted at all.
What no process's counters tell, `seccomp` doesn't let a child have.

How sure is "out of memory"? A MemoryError is reported by the child itself, and the forkserver's watch knows whom it
killed: these are certain. A failed allocation in C++ or Rust ends in SIGABRT, and is told from other aborts by what the
runtime prints last (`std::bad_alloc`, "memory allocation of ... failed"). A SIGKILL that nobody here sent is put down
to the kernel where its counter of such kills rose while the child lived: by cgroup where that can be read, else for the
whole machine, where somebody else's death may be mistaken for ours. Where there is no counter at all, SIGKILL alone
counts as proof, since little else sends it.
"""

import os
import re
import signal
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SESSION_FIELD = 3
"""Of /proc/<pid>/stat, counted after the name; see proc_pid_stat(5)."""

_COUNTED = re.compile(rb"^(VmRSS|VmPTE|VmSwap|HugetlbPages|Threads):\s+(\d+)", re.MULTILINE)
"""Of /proc/<pid>/status, in KiB but for the threads; see proc_pid_status(5)."""

_MAX_BYTES = 16_384
"""Of either: some 60 lines, or 52 numbers and a name."""

_ABORT_WORDS = ("std::bad_alloc", "memory allocation of", "cannot allocate memory", "out of memory")


@dataclass(frozen=True, slots=True)
class Use:
    """What processes take: memory, and entries of the kernel's table, of which each thread has one."""

    memory_bytes: int = 0
    tasks: int = 0

    def __add__(self, other: "Use") -> "Use":
        """Add up."""
        return Use(self.memory_bytes + other.memory_bytes, self.tasks + other.tasks)


def use_of(pid: int) -> Use:
    """Give what one process takes; nothing once it is gone."""
    counted = _counted(f"/proc/{pid}/status")
    if counted and b"VmRSS" not in counted:
        # Its first thread has ended. The kernel tells the memory of a process by its threads, and others may live.
        counted |= next((found for found in map(_counted, _thread_statuses(pid)) if b"VmRSS" in found), {})
    tasks = counted.pop(b"Threads", 0)
    return Use(sum(counted.values()) * 1024, tasks)


def session_memory_bytes(session: int) -> int:
    """Add up the memory of all processes of a session. Costs about 10 us for each process of the machine."""
    return use_of_sessions({session}).get(session, Use()).memory_bytes


def use_of_sessions(sessions: Collection[int]) -> Mapping[int, Use]:
    """Add up what each of these sessions takes; one of which no process lives may be left out.

    Sessions, because a child leads its own and what it starts can't leave it, while parenthood is lost with each
    process in between that ends.
    """
    totals: dict[int, Use] = defaultdict(Use)
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and (session := _session(entry.path)) in sessions:
            totals[session] += use_of(int(entry.name))
    return totals


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


def _counted(status: str) -> dict[bytes, int]:
    return {name: int(value) for name, value in _COUNTED.findall(_read(status))}


def _thread_statuses(pid: int) -> Sequence[str]:
    try:
        return [f"{thread}/status" for thread in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it ended meanwhile
        return ()


def _session(process: str) -> int:
    text = _read(f"{process}/stat")
    # A process's name may hold spaces and parentheses.
    return int(text.rpartition(b")")[2].split()[_SESSION_FIELD]) if text else -1


def _read(path: str) -> bytes:
    """Read by the bare calls: with a path and a file it takes more than twice as long, and there are many to read."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # it ended meanwhile
        return b""
    try:
        return os.read(descriptor, _MAX_BYTES)
    except OSError:  # it ended just now
        return b""
    finally:
        os.close(descriptor)


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
