"""Numbers of the system calls that the filter looks at, for the machines that it knows.

From `asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64), which has no fork and no vfork.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Machine:
    """What the kernel calls a machine in an audit, and the numbers of its calls."""

    audit_number: int
    calls: Mapping[str, int]


_SAME_EVERYWHERE = {
    "pidfd_send_signal": 424,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "clone3": 435,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "process_mrelease": 448,
}

_X86_64 = {
    "socket": 41,
    "connect": 42,
    "sendto": 44,
    "sendmsg": 46,
    "sendmmsg": 307,
    "clone": 56,
    "fork": 57,
    "vfork": 58,
    "kill": 62,
    "tkill": 200,
    "tgkill": 234,
    "rt_sigqueueinfo": 129,
    "rt_tgsigqueueinfo": 297,
    "shmget": 29,
    "semget": 64,
    "msgget": 68,
    "mq_open": 240,
    "setpgid": 109,
    "setsid": 112,
    "ptrace": 101,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "prlimit64": 302,
    "setpriority": 141,
    "ioprio_set": 251,
    "sched_setaffinity": 203,
    "sched_setparam": 142,
    "sched_setscheduler": 144,
    "sched_setattr": 314,
    "migrate_pages": 256,
    "move_pages": 279,
    "unshare": 272,
    "setns": 308,
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "bpf": 321,
    "perf_event_open": 298,
    "fanotify_init": 300,
    "userfaultfd": 323,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "init_module": 175,
    "finit_module": 313,
    "kexec_load": 246,
}

_AARCH64 = {
    "socket": 198,
    "connect": 203,
    "sendto": 206,
    "sendmsg": 211,
    "sendmmsg": 269,
    "clone": 220,
    "kill": 129,
    "tkill": 130,
    "tgkill": 131,
    "rt_sigqueueinfo": 138,
    "rt_tgsigqueueinfo": 240,
    "shmget": 194,
    "semget": 190,
    "msgget": 186,
    "mq_open": 180,
    "setpgid": 154,
    "setsid": 157,
    "ptrace": 117,
    "process_vm_readv": 270,
    "process_vm_writev": 271,
    "kcmp": 272,
    "prlimit64": 261,
    "setpriority": 140,
    "ioprio_set": 30,
    "sched_setaffinity": 122,
    "sched_setparam": 118,
    "sched_setscheduler": 119,
    "sched_setattr": 274,
    "migrate_pages": 238,
    "move_pages": 239,
    "unshare": 97,
    "setns": 268,
    "mount": 40,
    "umount2": 39,
    "pivot_root": 41,
    "bpf": 280,
    "perf_event_open": 241,
    "fanotify_init": 262,
    "userfaultfd": 282,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "init_module": 105,
    "finit_module": 273,
    "kexec_load": 104,
}

MACHINES: Mapping[str, Machine] = MappingProxyType(
    {
        "x86_64": Machine(0xC000003E, MappingProxyType({**_X86_64, **_SAME_EVERYWHERE})),
        "aarch64": Machine(0xC00000B7, MappingProxyType({**_AARCH64, **_SAME_EVERYWHERE})),
    }
)
"""By the name that `platform.machine()` gives."""
